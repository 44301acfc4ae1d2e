//! The script that probes SQL Server's container, with a `docker` that starts none: its container
//! is a folder, in which the stand-in has the places of SQL Server's files.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use super::{Ended, Stage, library, word};

/// `run`, `exec`, `cp` and `rm` of a folder. What is called notes its words.
const DOCKER: &str = r#"#!/bin/bash
set -eu
echo "$*" >> "$STAGE/docker.log"
root="$STAGE/container"
# A path inside, outside.
placed() { sed -e "s#/opt/mssql\(-tools18\)\?/#$root/opt/mssql\1/#g" -e "s#/tmp/vdi#$root/tmp/vdi#g" <<< "$1"; }
verb=$1
shift
case $verb in
  run)
    [ -z "${NO_IMAGE:-}" ] || exit 125
    mkdir -p "$root"/opt/mssql/lib "$root"/opt/mssql-tools18/bin "$root"/tmp
    cp "$STAND_IN" "$root/opt/mssql/lib/"
    cp -P "$STAGE/bin/sqlcmd" "$root/opt/mssql-tools18/bin/"
    env | grep '^MSSQL_SA_PASSWORD=Vdi-.\{24\}$' > /dev/null
    echo started ;;
  exec)
    test "$1 $2 $3 $4" = '-u mssql -e SQLCMDPASSWORD'
    shift 5
    words=()
    for word; do words+=("$(placed "$word")"); done
    # The server takes a while to answer.
    if [ "${*: -1}" = 'SELECT 1' ] && [ ! -e "$root/tmp/asked" ]; then
      touch "$root/tmp/asked"
      exit 1
    fi
    exec "${words[@]}" ;;
  cp)
    from=$1 to=$2
    case $from in *:*) from=$(placed "${from#*:}") ;; esac
    case $to in *:*) to=$(placed "${to#*:}") ;; esac
    cp -r "$from" "$to" ;;
  rm) rm -r "$root" ;;
  *) exit 64 ;;
esac
"#;

fn script(stage: &Stage, words: &[&str]) -> Command {
    let docker = stage.path("bin/docker");
    fs::write(&docker, DOCKER).expect("written");
    fs::set_permissions(&docker, fs::Permissions::from_mode(0o755)).expect("made executable");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("probe/container.sh");
    let mut command = stage.prepared(&script);
    command
        .args(words)
        .env("VDI", env!("CARGO_BIN_EXE_vdi"))
        .env("STAGE", stage.path(""))
        .env("STAND_IN", library().join("libsqlvdi.so"))
        .env("VDI_SERVER", "none")
        .env("DOCKER", docker);
    command
}

fn log(stage: &Stage) -> String {
    fs::read_to_string(stage.path("docker.log")).unwrap_or_default()
}

#[test]
fn the_container_is_started_probed_and_removed() {
    let stage = Stage::new();
    let home = stage.path("home");
    let words = [word(&home), "--scenario", "backup/for-ever", "--scenario", "create/one-device"];
    let ended = Ended::of(&mut script(&stage, &words));
    assert_eq!(ended.code, 0, "{ended:?}\n{}", log(&stage));
    for name in ["about.json", "SHA256SUMS", "report.json", "traces/backup/for-ever.jsonl"] {
        assert!(home.join(name).is_file(), "{name} has not come home");
    }
    let log = log(&stage);
    let run = log.lines().next().expect("a container is started");
    assert!(run.contains("mcr.microsoft.com/mssql/server:2022-latest"), "{run}");
    assert!(!log.contains("Vdi-"), "the password is in a command line: {log}");
    assert!(log.lines().last().expect("an end").starts_with("rm -f vdi-probe-"), "{log}");
    assert!(!stage.path("container").exists(), "the container is left");
}

#[test]
fn a_library_that_fails_comes_home_too() {
    let stage = Stage::new();
    let home = stage.path("home");
    let mut command = script(&stage, &[word(&home), "--scenario", "create/65-devices"]);
    command
        .env("STAND_IN", super::defective())
        .env("ORIGINAL", library().join("libsqlvdi.so"))
        .env("DEFECT", "create-takes-65-devices");
    let ended = Ended::of(&mut command);
    assert_eq!(ended.code, 1, "{ended:?}\n{}", log(&stage));
    let report = fs::read_to_string(home.join("report.txt")).expect("a report");
    assert!(report.contains("client.create."), "{report}");
    assert!(!stage.path("container").exists(), "the container is left");
}

#[test]
fn what_cannot_be_started_is_said_and_leaves_nothing() {
    let stage = Stage::new();
    let home = stage.path("home");
    let ended = Ended::of(script(&stage, &[word(&home)]).env("NO_IMAGE", "1"));
    assert_eq!((ended.code, ended.told.contains("cannot be started")), (69, true), "{ended:?}");
    let ended = Ended::of(script(&stage, &[word(&home)]).env("VDI", "/nowhere/vdi"));
    assert_eq!((ended.code, ended.told.contains("no program")), (69, true), "{ended:?}");
    let ended = Ended::of(&mut script(&stage, &[word(&stage.path(""))]));
    assert_eq!((ended.code, ended.told.contains("something in it")), (64, true), "{ended:?}");
    let ended = Ended::of(&mut script(&stage, &[]));
    assert_eq!(ended.code, 64, "{ended:?}");
    assert!(!home.exists() && !stage.path("container").exists());
}

/// What the workflow does beside it is said in one line of it.
#[test]
fn the_workflow_runs_the_script() {
    let place = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.github/workflows/probe.yml");
    let workflow = fs::read_to_string(place).expect("a workflow");
    for words in
        ["run: conformance/probe/container.sh home/", "--features full --bin vdi", "Not yet run"]
    {
        assert!(workflow.contains(words), "{words}");
    }
}
