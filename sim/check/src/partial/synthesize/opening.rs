//! Devices that are opened: by clients that were seen, and by a server that was not.

use std::collections::BTreeSet;

use super::super::endings::{SeenCall, name_of};
use super::super::server::{open_unseen, succeeds};
use super::{OTHER, Synthesizer};

impl<'t> Synthesizer<'t> {
    /// A client opens a device of its set.
    pub(super) fn opens_device(&mut self, seen: SeenCall<'t>) {
        let name = name_of(seen.args);
        let Some(set) = self.interfaces.get(seen.on).copied() else { return };
        if let Some(handle) = seen.creates {
            self.devices.insert(handle, (set, name));
            self.opened.insert(handle, seen.on);
        }
        if let Some((open, lane)) = self.sets[set].may_open_device(name) {
            self.add([open]);
            self.return_with(seen.at, lane, None);
        }
        if self.opens_later(set) == 0 {
            let early = self.early.remove(&set).unwrap_or_default();
            early.into_iter().for_each(|delivery| self.delivers(delivery));
        }
    }

    /// A client finds no device of its name: the server may have opened every device by then,
    /// those by the names that clients open later among them.
    pub(super) fn finds_no_name(&mut self, on: &'t str) {
        let Some(index) = self.interfaces.get(on).copied() else { return };
        let mut interfaces = self.interfaces_of(index);
        let later = self.endings.opened_after(self.at, &self.sets[index].name, &mut interfaces);
        let known = &self.sets[index];
        let fresh = |name: &&str| !known.devices.contains_key(*name);
        let mut names: Vec<String> = Vec::new();
        let others = (1..).map(|number| format!("unseen-{number}"));
        let first = [known.name.as_str()];
        for name in first.into_iter().chain(later).filter(fresh).map(str::to_owned).chain(others) {
            if known.devices.len() + names.len() >= known.asked.device_count as usize {
                break;
            }
            if !names.contains(&name) {
                names.push(name);
            }
        }
        for name in names {
            let opening = self.sets[index].may_open_device(&name);
            self.add(opening.map(|(open, _)| open));
        }
    }

    fn interfaces_of(&self, set: usize) -> BTreeSet<&'t str> {
        let known = self.interfaces.iter().filter(|(_, of)| **of == set);
        known.map(|(interface, _)| *interface).collect()
    }

    /// How many devices of a set are seen to be opened from here on, in its present life.
    pub(super) fn opens_later(&self, set: usize) -> usize {
        let name = self.sets[set].name.as_str();
        let mut interfaces = self.interfaces_of(set);
        let later = self.endings.opened_after(self.at, name, &mut interfaces).len();
        // One more than there are is wrong when it is opened, and not before.
        let known = &self.sets[set];
        let most = known.asked.device_count as usize;
        later.min(most.saturating_sub(known.devices.len()))
    }

    /// Before the first command everything is open.
    pub(super) fn activate(&mut self, on: &str) {
        let Some(index) = self.index_of(on).filter(|set| !self.sets[*set].progress.is_active)
        else {
            return;
        };
        self.finish_opening(index);
        let later = self.opens_later(index);
        let of_set = self.interfaces_of(index);
        let set = &mut self.sets[index];
        let opened = set.devices.len() + later;
        let missing = (set.asked.device_count as usize).saturating_sub(opened);
        let mut names: Vec<String> = Vec::new();
        let mut events = Vec::new();
        if self.others && missing > 0 {
            let first = (!set.devices.contains_key(&set.name)).then(|| set.name.clone());
            names = first.into_iter().chain((1..=missing).map(|n| format!("unseen-{n}"))).collect();
            names.truncate(missing);
            events = open_unseen(OTHER, &set.name, &names);
        } else if missing > 0 {
            // Whoever ended while it opened a device may have opened it.
            names = self.endings.opening_on(self.at, &of_set);
            names.retain(|name| !set.devices.contains_key(name));
            names.truncate(missing);
        }
        events.extend(set.activate(names));
        self.add(events);
        self.sets[index].progress.active_from = self.here();
    }

    /// What the server is opening is open from here on.
    fn finish_opening(&mut self, set: usize) {
        let devices = self.sets[set].devices.values_mut();
        let opening: BTreeSet<String> = devices.filter_map(|known| known.opening.take()).collect();
        let mut finished = Vec::new();
        for returns in self.returns.values_mut() {
            let (now, later) = returns.drain(..).partition(|(lane, _)| opening.contains(lane));
            *returns = later;
            finished.extend::<Vec<_>>(now);
        }
        self.add(finished.into_iter().map(|(lane, _)| succeeds(lane)));
    }
}
