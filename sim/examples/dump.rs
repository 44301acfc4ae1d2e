use vdi_sim::clauses::Profile;
use vdi_sim::simulate::{Overlaps, overlapping};
fn main() {
    let seed: u64 = std::env::args().nth(1).unwrap().parse().unwrap();
    let o = Overlaps { devices: 1 + (seed % 3) as u8, server_lanes: 1 + (seed / 3 % 3) as u8, client_lanes: 1 + (seed / 9 % 3) as u8, events: 120, trouble: 5 + (seed % 40) as usize, from_active: seed % 2 == 0 };
    print!("{}", overlapping(seed, o, &Profile::default()).to_json_lines());
}
