//! t
use vdi_sim::clauses::Profile;
use vdi_sim::explore::{explore, World, Bounds, Detail};
#[test]
fn measure() {
    let get = |n: &str, d: u8| std::env::var(n).ok().and_then(|v| v.parse().ok()).unwrap_or(d);
    let bounds = Bounds { devices: get("D", 1), commands: get("C", 2), buffers: get("B", 1), secondaries: get("S", 0),
        detail: if get("E", 0) > 0 { Detail::Every } else { Detail::Needed } };
    let t = std::time::Instant::now();
    let found = explore(World::new(bounds, Profile::default()), get("T", 1) as usize);
    println!("{bounds:?} {:?}", t.elapsed());
    println!("{} {} {} {:?} {:?}", found.states, found.transitions, found.depth, found.violations, found.unseen);
}
