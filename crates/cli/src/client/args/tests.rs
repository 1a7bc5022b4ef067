use super::*;
use clap::CommandFactory as _;

#[derive(clap::Parser)]
struct Words {
    #[command(flatten)]
    client: ClientFlags,
}

#[test]
fn every_flag_and_its_variable_are_named_after_its_id() {
    let command = Words::command();
    let mut seen = 0;
    for flag in command.get_arguments().filter(|flag| flag.get_env().is_some()) {
        let id = flag.get_id().as_str();
        let named = |on_the_line: &[&str]| {
            let on_the_line = on_the_line.iter().map(|id| (*id).to_owned()).collect();
            ClientArgs { flags: Box::default(), on_the_line }.whence(id)
        };
        let long = flag.get_long().map(|long| format!("--{long}"));
        assert_eq!(Some(named(&[id])), long.map(Whence::Flag));
        let variable = flag.get_env().and_then(|name| name.to_str()).map(str::to_owned);
        assert_eq!(Some(named(&[])), variable.map(Whence::Variable));
        seen += 1;
    }
    assert!(seen >= 15, "{seen}");
}
