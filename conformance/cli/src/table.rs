//! `vdi table`: the transition tables and state diagrams of the model.

use std::io::Write;

use vdi_check::exit_code;
use vdi_explore::{
    FourStates, client_table, device_table, differences, differences_text, server_table,
};
use vdi_html::state_diagram;
use vdi_spec::clauses::{Party, Profile};
use vdi_spec::states::DEVICE_SET_STATES;

use super::args::{Machine, TableArgs, TableFormat};
use super::failure::Failure;
use super::input::profile;

pub(super) fn table(args: &TableArgs, out: &mut dyn Write) -> Result<u8, Failure> {
    let profile = profile(&args.profile)?;
    let table = match args.machine {
        Machine::Set => return four_states(args.format, &FourStates::new(&profile), out),
        Machine::Server => server_table(&profile),
        Machine::Client => client_table(&profile),
        Machine::Device => device_table(&profile),
    };
    match args.format {
        TableFormat::Csv => write!(out, "{}", table.csv())?,
        TableFormat::Mermaid => write!(out, "{}", table.mermaid())?,
        TableFormat::Svg => write!(out, "{}", state_diagram(&table, title(args.machine)))?,
        TableFormat::Markdown => {
            write!(out, "{}", table.markdown())?;
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
