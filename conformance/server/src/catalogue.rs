//! What SELECT finds: a small catalogue of what is here, and nothing that is made up.

use super::context::Context;
use super::messages::Message;
use super::query::{Asked, Condition, Query};
use super::rows::{Kind, Rows, Value};
use super::server::Server;

/// What the server says it is. It is none of Microsoft's, and says so behind it.
const VERSION: &str = "Microsoft SQL Server 2022 - 16.0.1000.6 (X64) \n\tstand-in of the Virtual \
    Device Interface's conformance suite, not the original";

/// What a query finds, or why there is nothing to be found.
pub(super) fn select(server: &Server, context: &Context, query: &Query) -> Result<Rows, Message> {
    let Some(from) = &query.from else {
        let found = query.items.iter().map(|item| scalar(context, &item.asked));
        let values = found.collect::<Result<Vec<(Kind, Value)>, Message>>()?;
        let names = query.items.iter().map(|item| item.name.clone());
        let columns = names.zip(values.iter().map(|(kind, _)| *kind)).collect();
        let row = values.into_iter().map(|(_, value)| value).collect();
        return Ok(Rows { columns, rows: vec![row] });
    };
    let mut table = table(server, from)?;
    for condition in &query.conditions {
        let column = place(&table, &condition.column)?;
        table.rows.retain(|row| holds(condition, &row[column]));
    }
    for (column, down) in query.order.iter().rev() {
        let column = place(&table, column)?;
        table.rows.sort_by(|a, b| {
            let order = key(&a[column]).cmp(&key(&b[column]));
            if *down { order.reverse() } else { order }
        });
    }
    let top = usize::try_from(query.top.unwrap_or(u64::MAX)).unwrap_or(usize::MAX);
    table.rows.truncate(top);
    chosen(context, query, table)
}

/// The columns that are asked for.
fn chosen(context: &Context, query: &Query, table: Rows) -> Result<Rows, Message> {
    if query.items.is_empty() {
        return Ok(table);
    }
    let mut result = Rows { columns: Vec::new(), rows: vec![Vec::new(); table.rows.len()] };
    if query.items.iter().any(|item| item.asked == Asked::Count) {
        result.rows = vec![Vec::new()];
    }
    for item in &query.items {
        match &item.asked {
            Asked::Count => {
                let count = i64::try_from(table.rows.len()).unwrap_or(i64::MAX);
                result.columns.push((item.name.clone(), Kind::Int));
                result.rows.iter_mut().for_each(|row| row.push(Value::Int(count)));
            }
            Asked::Column(column) => {
                let place = place(&table, column)?;
                result.columns.push((item.name.clone(), table.columns[place].1));
                for (row, from) in result.rows.iter_mut().zip(&table.rows) {
                    row.push(from[place].clone());
                }
            }
            Asked::Given(_) | Asked::Global(_) | Asked::Function(..) => {
                let (kind, value) = scalar(context, &item.asked)?;
                result.columns.push((item.name.clone(), kind));
                result.rows.iter_mut().for_each(|row| row.push(value.clone()));
            }
        }
    }
    Ok(result)
}

/// A value by which rows are put in order: texts whatever their case.
fn key(value: &Value) -> (Option<i64>, String, Option<(i32, u32)>) {
    match value {
        Value::Null | Value::Bytes(_) => (None, String::new(), None),
        Value::Int(number) => (Some(*number), String::new(), None),
        Value::Text(text) => (None, text.to_lowercase(), None),
        Value::Time(days, ticks) => (None, String::new(), Some((*days, *ticks))),
    }
}

fn holds(condition: &Condition, value: &Value) -> bool {
    // Nothing is equal to null, nor different from it.
    if *value == Value::Null || condition.values.contains(&Value::Null) {
        return false;
    }
    condition.is == condition.values.iter().any(|wanted| key(wanted) == key(value))
}

/// Source: SQL Server documentation, Database engine events and errors, 207.
fn place(table: &Rows, column: &str) -> Result<usize, Message> {
    let found = table.columns.iter().position(|(name, _)| name.eq_ignore_ascii_case(column));
    found.ok_or_else(|| {
        let text = format!("Invalid column name '{column}'.");
        Message { number: 207, level: 16, text }
    })
}

/// A table by its name.
///
/// Source: SQL Server documentation, sys.databases; Database engine events and errors, 208.
fn table(server: &Server, name: &str) -> Result<Rows, Message> {
    let bare = name.strip_prefix("master.").unwrap_or(name);
    match bare {
        "sys.databases" => Ok(databases(server, ["name", "database_id"])),
        "sysdatabases" | ".sysdatabases" | "dbo.sysdatabases" | "master..sysdatabases" => {
            Ok(databases(server, ["name", "dbid"]))
        }
        _ => {
            let text = format!("Invalid object name '{name}'.");
            Err(Message { number: 208, level: 16, text })
        }
    }
}

/// The databases: those of the server itself, then those in its folder.
fn databases(server: &Server, [name, number]: [&str; 2]) -> Rows {
    const OWN: [&str; 4] = ["master", "tempdb", "model", "msdb"];
    let columns = vec![
        (name.to_owned(), Kind::Text(128)),
        (number.to_owned(), Kind::Int),
        ("state".to_owned(), Kind::TinyInt),
        ("state_desc".to_owned(), Kind::Text(60)),
    ];
    let found = server.databases.names();
    let names = OWN.iter().map(|name| (*name).to_owned()).chain(found);
    let row = |(number, name): (usize, String)| {
        let number = i64::try_from(number + 1).unwrap_or(i64::MAX);
        vec![Value::Text(name), Value::Int(number), Value::Int(0), "ONLINE".into()]
    };
    Rows { columns, rows: names.enumerate().map(row).collect() }
}

/// What is no column.
fn scalar(context: &Context, asked: &Asked) -> Result<(Kind, Value), Message> {
    let int = |number| Ok((Kind::Int, Value::Int(number)));
    let text = |text: &str| Ok((Kind::Text(256), text.into()));
    let unknown = |number, text: String| Err(Message { number, level: 15, text });
    match asked {
        Asked::Given(value) => Ok(match value {
            Value::Int(number) if i32::try_from(*number).is_err() => (Kind::BigInt, value.clone()),
            Value::Int(_) | Value::Null => (Kind::Int, value.clone()),
            Value::Text(_) => (Kind::Text(4000), value.clone()),
            Value::Bytes(_) => (Kind::Bytes(8000), value.clone()),
            Value::Time(..) => (Kind::Time, value.clone()),
        }),
        Asked::Global(name) => match name.as_str() {
            "@@version" => Ok((Kind::Text(300), VERSION.into())),
            "@@max_precision" => Ok((Kind::TinyInt, Value::Int(38))),
            "@@spid" => Ok((Kind::SmallInt, Value::Int(context.number.into()))),
            "@@trancount" => int(context.transactions.into()),
            "@@servername" => text("localhost"),
            "@@error" | "@@rowcount" => int(0),
            _ => unknown(137, format!("Must declare the scalar variable \"{name}\".")),
        },
        Asked::Function(name, argument) => match (name.as_str(), argument.as_deref()) {
            ("db_name", None) => text(&context.database),
            ("suser_sname" | "suser_name" | "system_user", None) => text(&context.user),
            ("serverproperty", Some(property)) => Ok(property_of(property)),
            _ => {
                let text = format!("'{name}' is not a recognized built-in function name.");
                unknown(195, text)
            }
        },
        Asked::Column(name) => {
            let text = format!("Invalid column name '{name}'.");
            Err(Message { number: 207, level: 16, text })
        }
        Asked::Count => int(1),
    }
}

/// A property of the server; null if it is not known here, as for one that there is not.
///
/// Source: SQL Server documentation, SERVERPROPERTY.
fn property_of(name: &str) -> (Kind, Value) {
    match name.to_ascii_lowercase().as_str() {
        "productversion" => (Kind::Text(128), "16.0.1000.6".into()),
        "productlevel" => (Kind::Text(128), "RTM".into()),
        "edition" => (Kind::Text(128), "Developer Edition (64-bit)".into()),
        "engineedition" => (Kind::Int, Value::Int(3)),
        "productmajorversion" => (Kind::Text(128), "16".into()),
        "servername" | "machinename" => (Kind::Text(128), "localhost".into()),
        "isclustered" | "ishadrenabled" | "isintegratedsecurityonly" => (Kind::Int, Value::Int(0)),
        _ => (Kind::Text(128), Value::Null),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::order::{Order, parse};
    use crate::{Databases, Faults, Server};
    use std::sync::Arc;
    use std::time::Duration;

    fn server(folder: &std::path::Path) -> Server {
        Server {
            machine: vdi_runtime::Machine::shared_memory(vdi_runtime::Options::default()),
            databases: Databases::in_folder(folder.to_owned()),
            faults: Faults::default(),
            trace: None,
            wait: Duration::ZERO,
            patience: Duration::ZERO,
            stop: Arc::default(),
        }
    }

    fn found(text: &str) -> Result<Rows, Message> {
        let folder = tempfile::TempDir::new().expect("a folder");
        for name in ["b", "a", "a.log", "g.generated", ".x.1-2.restoring"] {
            std::fs::write(folder.path().join(name), "").expect("written");
        }
        let orders = parse(text).expect("understood");
        let Some(Order::Select(query)) = orders.last() else { panic!("{orders:?}") };
        select(&server(folder.path()), &Context::default(), query)
    }

    /// The values of a result, as they are printed.
    fn values(text: &str) -> Vec<String> {
        let rows = found(text).expect("found").rows;
        let one = |value: &Value| match value {
            Value::Null => "NULL".to_owned(),
            Value::Int(number) => number.to_string(),
            Value::Text(text) => text.clone(),
            Value::Bytes(_) | Value::Time(..) => format!("{value:?}"),
        };
        rows.iter().map(|row| row.iter().map(one).collect::<Vec<_>>().join("|")).collect()
    }

    #[test]
    fn what_drivers_ask_first_is_answered() {
        assert_eq!(
            values(
                "SELECT @@MAX_PRECISION SET TRANSACTION ISOLATION LEVEL READ COMMITTED \
            SELECT 1;"
            ),
            ["1"]
        );
        assert_eq!(values("select @@max_precision"), ["38"]);
        assert!(values("select @@version")[0].contains("not the original"));
        assert_eq!(values("SELECT @@TRANCOUNT AS n, @@SPID, N'x' y, NULL, -1"), ["0|51|x|NULL|-1"]);
        let cast = "DECLARE @p nvarchar(20) = N'v' SELECT CAST(SERVERPROPERTY('ProductVersion') \
            AS nvarchar(128)), CONVERT(int, SERVERPROPERTY('EngineEdition')), @p, DB_NAME(), \
            SERVERPROPERTY('NoSuchThing')";
        assert_eq!(values(cast), ["16.0.1000.6|3|v|master|NULL"]);
        assert_eq!(found(cast).expect("found").columns[0].0, "");
        assert_eq!(found("SELECT x = 1").expect("found").columns, [("x".to_owned(), Kind::Int)]);
    }

    #[test]
    fn databases_are_those_that_are_there() {
        let all = ["master", "tempdb", "model", "msdb", "a", "b", "g"];
        assert_eq!(values("SELECT name FROM sys.databases"), all);
        let like = "SELECT d.name FROM master.sys.databases AS d WHERE d.name LIKE 'a%'";
        assert!(parse(like).is_err());
        let some = "SELECT name FROM sys.databases WHERE name IN ('B', 'a', 'no') ORDER BY name \
            DESC";
        assert_eq!(values(some), ["b", "a"]);
        assert_eq!(values("SELECT COUNT(*) FROM sys.databases WHERE name = 'no'"), ["0"]);
        assert_eq!(
            values("SELECT TOP (1) name FROM sys.databases ORDER BY database_id"),
            ["master"]
        );
        assert_eq!(values("SELECT * FROM sys.databases WHERE name='b'"), ["b|6|0|ONLINE"]);
    }

    #[test]
    fn what_is_not_here_is_told() {
        let number = |text| found(text).expect_err("not here").number;
        assert_eq!(number("SELECT * FROM sys.objects"), 208);
        assert_eq!(number("SELECT nothing FROM sys.databases"), 207);
        assert_eq!(number("SELECT nothing"), 207);
        assert_eq!(number("SELECT @@CONNECTIONS"), 137);
        assert_eq!(number("SELECT getdate()"), 195);
    }
}
