//! Media of two devices, any block of which is exchanged, dropped, repeated or cut: whatever
//! is restored with success is what was backed up.

use super::*;

/// Bytes of a block.
const BLOCK: usize = 64 * KIB;

/// What lies on both devices.
type Media = [Vec<u8>; 2];

const ON_TWO: &str = "VIRTUAL_DEVICE='s', VIRTUAL_DEVICE='t'";

/// A statement on two devices, with a thread of the client for each; what lies on them then.
fn on_two(world: &World, sql: &str, media: Media) -> (Result<Done, Failed>, Media) {
    let set = world.machine.client_set();
    let (device_count, features) = (2, Features::LIKE_PIPE);
    let config = VdConfig { device_count, features, ..VdConfig::default() };
    set.create(None, "s", &config).expect("created");
    let client = thread::spawn(move || {
        set.get_configuration(Timeout::Infinite).expect("configured");
        let devices = ["s", "t"].map(|name| set.open_device(name).expect("opened"));
        let threads: Vec<_> = devices
            .into_iter()
            .zip(media)
            .map(|(device, bytes)| {
                let medium = Medium { bytes, ..Medium::default() };
                thread::spawn(move || {
                    plain(medium, &|time| device.get_command(time), &|command, (code, bytes)| {
                        // What an abort refuses, it has completed itself.
                        let _ = device.complete_command(command.command, code, bytes, 0);
                    })
                })
            })
            .collect();
        let media: Vec<Vec<u8>> =
            threads.into_iter().map(|thread| thread.join().expect("it ends").bytes).collect();
        set.close().expect("closed");
        media
    });
    let result = execute(&world.server(""), sql);
    let media = client.join().expect("it ends");
    (result, media.try_into().expect("two devices"))
}

fn backup(world: &World, data: &[u8], options: &str) -> Media {
    world.write("x", data);
    let sql = format!("BACKUP DATABASE x TO {ON_TWO}{options}");
    let (result, media) = on_two(world, &sql, Media::default());
    result.unwrap_or_else(|failed| panic!("{failed}"));
    media
}

/// Whether it is restored with success; then it is this data.
fn restores(world: &World, media: &Media, data: &[u8], what: &str) -> bool {
    world.write("x", b"before");
    let sql = format!("RESTORE DATABASE x FROM {ON_TWO}");
    let (result, _) = on_two(world, &sql, media.clone());
    let expected = if result.is_ok() { data } else { b"before" };
    assert!(world.data("x") == expected, "{what}: other bytes");
    result.is_ok()
}

fn blocks(medium: &[u8]) -> usize {
    assert_eq!(medium.len() % BLOCK, 0);
    medium.len() / BLOCK
}

fn block(medium: &[u8], number: usize) -> &[u8] {
    &medium[number * BLOCK..][..BLOCK]
}

#[test]
fn no_block_takes_the_place_of_another() {
    let world = World::new(None);
    let data = noise(5 * BLOCK + 5);
    let others: Vec<u8> = data.iter().map(|byte| !byte).collect();
    let (sound, like) = (backup(&world, &data, ""), backup(&world, &others, ""));
    assert!(restores(&world, &sound, &data, "as it is"));
    let turned = [sound[1].clone(), sound[0].clone()];
    assert!(restores(&world, &turned, &data, "each on the other's device"));
    let all = [&sound[0], &sound[1], &like[0], &like[1]];
    let mut tried = 0;
    let mut fails = |media: Media, what: String| {
        assert!(!restores(&world, &media, &data, &what), "{what}: with success");
        tried += 1;
    };
    for device in [0, 1] {
        for number in 0..blocks(&sound[device]) {
            let place = number * BLOCK..(number + 1) * BLOCK;
            let with = |act: &dyn Fn(&mut Vec<u8>)| {
                let mut media = sound.clone();
                act(&mut media[device]);
                media
            };
            let name = format!("block {number} of device {device}");
            fails(with(&|medium| drop(medium.drain(place.clone()))), format!("{name} dropped"));
            fails(with(&|medium| medium.truncate(place.start)), format!("cut at {name}"));
            fails(with(&|medium| medium.truncate(place.start + 999)), format!("cut in {name}"));
            if number + 1 < blocks(&sound[device]) {
                let twice = |medium: &mut Vec<u8>| {
                    let own = medium[place.clone()].to_vec();
                    medium.splice(place.start..place.start, own);
                };
                fails(with(&twice), format!("{name} twice"));
            }
            for (from, other) in all.iter().enumerate() {
                for at in 0..blocks(other) {
                    if block(&sound[device], number) == block(other, at) {
                        continue;
                    }
                    let what = format!("{name} and block {at} of medium {from} exchanged");
                    let mut media = with(&|medium| {
                        medium[place.clone()].copy_from_slice(block(other, at));
                    });
                    if let Some(medium) = media.get_mut(from) {
                        let own = block(&sound[device], number);
                        medium[at * BLOCK..][..BLOCK].copy_from_slice(own);
                    }
                    fails(media, what);
                }
            }
        }
        let mut mixed = sound.clone();
        mixed[device].clone_from(&like[device]);
        fails(mixed, format!("device {device} of a backup like it"));
    }
    assert!(tried > 200, "{tried}");
}

/// Without checksums the parts of a backup are told apart all the same.
#[test]
fn a_header_of_another_device_is_noticed_without_checksums() {
    let world = World::new(None);
    let data = noise(5 * BLOCK + 5);
    let mut media = backup(&world, &data, " WITH NO_CHECKSUM");
    let [first, second] = &mut media;
    first[..BLOCK].swap_with_slice(&mut second[..BLOCK]);
    assert!(!restores(&world, &media, &data, "headers exchanged"));
}
