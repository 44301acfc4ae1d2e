//! `vdi table`: the transition tables and state diagrams of the model.

use std::io::Write;

use comfy_table::presets;
use vdi_check::exit_code;
use vdi_explore::{
    Cell, FourStates, Table, client_table, device_table, differences, differences_text,
    server_table,
};
use vdi_html::state_diagram;
use vdi_spec::clauses::{Party, Profile};
use vdi_spec::states::DEVICE_SET_STATES;

use super::args::{Machine, TableArgs, TableFormat};
use super::failure::Failure;
use super::input::profile;
use super::output::{Lines, terminal_width, width};

pub(super) fn table(args: &TableArgs, out: &mut dyn Write) -> Result<u8, Failure> {
    let format = args.format.unwrap_or(match terminal_width() {
        Some(_) => TableFormat::Drawn,
        None => TableFormat::Markdown,
    });
    if format == TableFormat::Drawn {
        // What stands beside the table is folded.
        let mut out = Lines::folded(out, Some(width()));
        let done = in_format(args, format, &mut out);
        out.flush()?;
        return done;
    }
    in_format(args, format, out)
}

fn in_format(args: &TableArgs, format: TableFormat, out: &mut dyn Write) -> Result<u8, Failure> {
    let profile = profile(&args.profile)?;
    let table = match args.machine {
        Machine::Set => return four_states(format, &FourStates::new(&profile), out),
        Machine::Server => server_table(&profile),
        Machine::Client => client_table(&profile),
        Machine::Device => device_table(&profile),
    };
    match format {
        TableFormat::Csv => write!(out, "{}", table.csv())?,
        TableFormat::Mermaid => write!(out, "{}", table.mermaid())?,
        TableFormat::Svg => write!(out, "{}", state_diagram(&table, title(args.machine)))?,
        TableFormat::Markdown | TableFormat::Drawn => {
            match format {
                TableFormat::Drawn => out.write_all(drawn(&table, width()).as_bytes())?,
                _ => write!(out, "{}", table.markdown())?,
            }
            match args.machine {
                Machine::Server => documented(Party::Server, &profile, out)?,
                Machine::Client => documented(Party::Client, &profile, out)?,
                // No table of these is documented.
                Machine::Set | Machine::Device => {}
            }
        }
    }
    Ok(exit_code::CONFORMANT)
}

/// What a diagram shows.
const fn title(machine: Machine) -> &'static str {
    match machine {
        Machine::Set => "The four states of a device set",
        Machine::Server => "The phases of the server",
        Machine::Client => "The phases of the client",
        Machine::Device => "The states of a device",
    }
}

/// A set: what the states are, the table, and below it the diagram.
fn four_states(format: TableFormat, set: &FourStates, out: &mut dyn Write) -> Result<u8, Failure> {
    match format {
        TableFormat::Csv => write!(out, "{}", set.table.csv())?,
        TableFormat::Mermaid => write!(out, "{}", set.mermaid())?,
        TableFormat::Svg => {
            write!(out, "{}", state_diagram(&set.table, title(Machine::Set)))?;
        }
        TableFormat::Drawn => {
            for row in DEVICE_SET_STATES {
                writeln!(out, "- {}: {}", row.name, row.meaning)?;
            }
            writeln!(out)?;
            out.write_all(drawn(&set.table, width()).as_bytes())?;
        }
        TableFormat::Markdown => {
            for row in DEVICE_SET_STATES {
                writeln!(out, "- {}: {}", row.name, row.meaning)?;
            }
            write!(out, "\n{}", set.table.markdown())?;
            write!(out, "\n```mermaid\n{}```\n", set.mermaid())?;
        }
    }
    Ok(exit_code::CONFORMANT)
}

/// A table with lines, in parts of so many phases as there is room for.
fn drawn(table: &Table, columns: usize) -> String {
    let names = table.rows.iter().map(|(name, _)| name.chars().count());
    let first = names.chain([table.function.len()]).max().unwrap_or_default();
    let widths: Vec<usize> = (0..table.phases.len()).map(|at| width_of(table, at)).collect();
    let mut text = String::new();
    let mut from = 0;
    while from < widths.len() {
        // A cell has a line and two blanks beside it, and the last one another line.
        let mut used = first + 4 + widths[from] + 3;
        let mut until = from + 1;
        while until < widths.len() && used + widths[until] + 3 <= columns {
            used += widths[until] + 3;
            until += 1;
        }
        let mut part = comfy_table::Table::new();
        part.load_style(presets::UTF8_FULL_CONDENSED);
        let phases = table.phases[from..until].iter().map(String::as_str);
        part.set_header(std::iter::once(table.function).chain(phases));
        for (name, cells) in &table.rows {
            part.add_row(
                std::iter::once(name.clone()).chain(cells[from..until].iter().map(in_lines)),
            );
        }
        for line in part.lines() {
            text.push_str(line.trim_end());
            text.push('\n');
        }
        from = until;
    }
    text
}

/// The width of the column of a phase.
fn width_of(table: &Table, at: usize) -> usize {
    let of_cell = |cell: &Cell| in_lines(cell).lines().map(|line| line.chars().count()).max();
    let cells = table.rows.iter().filter_map(|(_, cells)| of_cell(&cells[at]));
    cells.chain([table.phases[at].chars().count()]).max().unwrap_or_default()
}

/// A cell with a line for each answer, and the phase that it leads to below it.
fn in_lines(cell: &Cell) -> String {
    cell.to_string().replace('|', "\n").replace("->", "\n→ ")
}

/// How the table stands to the documented one.
fn documented(party: Party, profile: &Profile, out: &mut dyn Write) -> Result<(), Failure> {
    let mut differences = differences(profile);
    differences.retain(|difference| difference.party == party);
    if differences.is_empty() {
        writeln!(out, "\nThis is the documented table, cell for cell.")?;
    } else {
        writeln!(out, "\nWhere this differs from the documented table:\n")?;
        write!(out, "{}", differences_text(&differences))?;
    }
    Ok(())
}
