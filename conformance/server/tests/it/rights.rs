//! The files of databases: whose rights a restored one has, and that no link is followed.

use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};

use super::*;

fn mode(world: &World, name: &str) -> u32 {
    let path = world.folder.path().join(name);
    path.symlink_metadata().expect("there").permissions().mode() & 0o7777
}

/// What RESTORE puts in the place of a database may be read and written by whom that could.
#[test]
fn a_restored_database_has_the_rights_of_the_former() {
    let world = World::new(None);
    let data = noise(100 * KIB);
    world.write("x", &data);
    let path = world.folder.path().join("x");
    let medium = world.good(BACKUP, Medium::default());
    let set = |mode| fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("set");
    for before in [0o600, 0o640, 0o444, 0o666, 0o4755] {
        fs::write(&path, "before").expect("written");
        set(before);
        world.good(RESTORE, Medium { at: 0, ..medium.clone() });
        assert_eq!(mode(&world, "x"), before & 0o777, "{before:o}");
        assert!(world.data("x") == data);
        set(0o600);
    }
    // Whose it is stays, too, where that can be had.
    if chown(&path, Some(54_321), Some(54_322)).is_ok() {
        world.good(RESTORE, Medium { at: 0, ..medium.clone() });
        let now = path.metadata().expect("there");
        assert_eq!((now.uid(), now.gid()), (54_321, 54_322));
    }
    // A new one is as any file that this user makes.
    world.write("usual", "");
    fs::remove_file(&path).expect("removed");
    world.good(RESTORE, Medium { at: 0, ..medium });
    assert_eq!(mode(&world, "x"), mode(&world, "usual"));
}

/// Nothing is read through a link, written through it, or put in its place.
#[test]
fn a_database_that_is_a_link_is_refused() {
    let world = World::new(None);
    let place = |name: &str| world.folder.path().join(name);
    world.write("y", "of somebody else");
    let outside = TempDir::new().expect("a folder");
    let precious = outside.path().join("precious");
    fs::write(&precious, "not to be lost").expect("written");
    for link in ["x", "x.log", "x.generated"] {
        symlink(&precious, place(link)).expect("linked");
        for sql in [BACKUP, RESTORE, "BACKUP LOG x TO VIRTUAL_DEVICE='s'"] {
            let failed = execute(&world.server(""), sql).expect_err("it is a link");
            let said = failed.to_string();
            assert!(said.contains("is a link, which is not followed"), "{link}, {sql}: {said}");
        }
        assert!(place(link).is_symlink());
        assert_eq!(fs::read(&precious).expect("there"), b"not to be lost");
        fs::remove_file(place(link)).expect("removed");
    }
    // What is written down of a database takes the place of a link.
    let data = noise(10 * KIB);
    world.write("x", &data);
    let medium = world.good(BACKUP, Medium::default());
    symlink(&precious, place(".x.norecovery")).expect("linked");
    world.good(&format!("{RESTORE} WITH NORECOVERY"), Medium { at: 0, ..medium });
    assert!(!place(".x.norecovery").is_symlink());
    assert_eq!(fs::read(&precious).expect("there"), b"not to be lost");
}
