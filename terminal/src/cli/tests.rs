use super::*;
use clap::CommandFactory;

fn parse(arguments: &str) -> Result<Cli, clap::Error> {
    Cli::try_parse_from(format!("fieldproof-terminal {arguments}").split_whitespace())
}

#[test]
fn the_command_line_is_sound() {
    Cli::command().debug_assert();
}

#[test]
fn every_option_can_come_from_the_environment() {
    for command in Cli::command().get_subcommands() {
        for option in command.get_arguments().filter(|a| !a.is_positional() && a.get_id() != "help") {
            assert!(option.get_env().is_some(), "{} {}", command.get_name(), option.get_id());
        }
    }
}

#[test]
fn serving_syncs_by_itself_on_a_port_of_the_systems_choice() {
    let Command::Serve(settings) = parse("serve --data d --server http://s").unwrap().command else {
        panic!()
    };
    assert!(settings.auto_sync);
    assert_eq!(settings.listen.to_string(), "127.0.0.1:0");
    assert_eq!(settings.ready_file, None);
    let quiet = "serve --data d --server http://s --no-auto-sync --listen [::1]:9 --ready-file r";
    let Command::Serve(settings) = parse(quiet).unwrap().command else { panic!() };
    assert!(!settings.auto_sync);
    assert_eq!(settings.listen.to_string(), "[::1]:9");
}

#[test]
fn the_other_commands_take_what_they_need() {
    for good in [
        "enroll --data d --server http://s --code c --name n",
        "sync --data d --server http://s",
        "status --data d --json",
        "--lang en verify --data d",
        "verify --data d --lang zh",
    ] {
        assert!(parse(good).is_ok(), "{good}");
    }
    for bad in [
        "",
        "status",
        "sync --data d",
        "enroll --data d --server http://s --passphrase p",
        "verify --lang de",
    ] {
        assert!(parse(bad).is_err(), "{bad}");
    }
}

fn output() -> Output {
    Output::new(fieldproof_presentation::texts::Language::ALL[0])
}

#[test]
fn commands_about_a_terminal_do_not_make_one() {
    let parent = tempfile::tempdir().unwrap();
    let store = StoreSettings { data: parent.path().join("nowhere") };
    assert!(matches!(open(&store, &output()), Err(StartError::NoData(_))));
    assert!(!store.data.exists());
}

#[test]
fn a_store_that_is_served_is_in_use() {
    let store = StoreSettings { data: tempfile::tempdir().unwrap().keep() };
    let served = open(&store, &output()).unwrap();
    let error = open(&store, &output()).unwrap_err();
    assert_eq!(error.code().as_str(), "store_in_use");
    drop(served);
    assert!(open(&store, &output()).is_ok());
    std::fs::remove_dir_all(&store.data).unwrap();
}

#[test]
fn an_address_that_is_none_is_the_operators_error() {
    let error = transport(&ServerSettings { server: "ftp://s".into() }).unwrap_err();
    assert_eq!(error.code().as_str(), "field_invalid");
}
