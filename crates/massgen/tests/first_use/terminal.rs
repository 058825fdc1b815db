//! The first minute at a terminal.

use crate::newcomer::{Newcomer, read};
use crate::pty::Terminal;

#[test]
fn from_nothing_to_a_rehearsed_answer() {
    let newcomer = Newcomer::new();
    let mut terminal = Terminal::start(newcomer.command(&[]));
    terminal.sees("keys      none is set");
    terminal.sees("Enter to rehearse");
    terminal.types("");
    terminal.sees("Your question: ");
    terminal.types("What is a team for?");
    terminal.sees("REHEARSAL: the answers are scripted");
    terminal.sees("Winner    gpt");
    terminal.sees("`massgen --setup` saves a key");
    let (code, _) = terminal.ends();
    assert_eq!(code, 0);
    assert!(!newcomer.path(".massgen/config.yaml").exists(), "a rehearsal is no team");
}

#[test]
fn a_key_makes_a_team_and_is_never_shown() {
    let newcomer = Newcomer::new();
    let mut terminal = Terminal::start(newcomer.command(&["--rehearse=any"]));
    // A rehearsal needs no team, so it asks at once.
    terminal.sees("/quit leaves.");
    terminal.sees("> ");
    terminal.types("/quit");
    assert_eq!(terminal.ends().0, 0);

    let mut terminal = Terminal::start(newcomer.command(&["What is a team for?"]));
    terminal.sees("q to leave: ");
    terminal.types("k");
    terminal.sees("Number [");
    terminal.types("grok");
    terminal.sees("XAI_API_KEY (not shown");
    terminal.types("wrong key\u{15}xai-secrex\u{7f}t");
    terminal.sees("is saved in");
    assert_eq!(read(&newcomer.at_home(".massgen/.env")), "XAI_API_KEY=xai-secret\n", "Ctrl-U and backspace work");
    terminal.sees("Number [");
    terminal.types("");
    terminal.sees("XAI_API_KEY (xAI Grok)");
    terminal.sees("grok-3  xAI Grok, grok-");
    terminal.sees("n for no: ");
    terminal.types("perhaps");
    terminal.sees("Enter, c or n");
    terminal.types("n");
    terminal.sees("Nothing is written.");
    let (code, shown) = terminal.ends();
    assert_eq!(code, 0);
    assert!(!shown.contains("secre") && !shown.contains("wrong"), "{shown}");
    assert!(!newcomer.path(".massgen/config.yaml").exists());
}

#[test]
fn a_proposal_is_written_by_a_single_enter() {
    let newcomer = Newcomer::new();
    newcomer.write(".env", "ANTHROPIC_API_KEY=a\nGOOGLE_API_KEY=b\n");
    let mut terminal = Terminal::start(newcomer.command(&["--automation"]));
    terminal.sees("there is no team to ask");
    assert_eq!(terminal.ends().0, 1, "a script is asked nothing, even at a terminal");

    let mut terminal = Terminal::start(newcomer.command(&[]));
    terminal.sees("one agent for each key");
    terminal.types("");
    terminal.sees("Written to .massgen/config.yaml.");
    terminal.sees("Ask a team of 2.");
    terminal.sees("> ");
    terminal.types("/quit");
    assert_eq!(terminal.ends().0, 0);
    let text = newcomer.read(".massgen/config.yaml");
    assert!(text.contains("type: claude") && text.contains("type: gemini"), "{text}");
    assert!(!text.contains("api_key"), "keys stay where they are: {text}");
    newcomer.run(&["--validate", ".massgen/config.yaml", "--strict"]).ended_with(0);

    // From now on, the team is there.
    let mut terminal = Terminal::start(newcomer.command(&["--rehearse", "What now?"]));
    terminal.sees("REHEARSAL");
    let (code, _) = terminal.ends();
    assert_eq!(code, 0);
}

#[test]
fn a_config_is_chosen_from_a_list() {
    let newcomer = Newcomer::new();
    newcomer.write("mine.yaml", "agents: [{id: only-me, backend: {model: gpt-5}}]\n");
    let mut terminal = Terminal::start(newcomer.command(&["--select", "--rehearse", "Who are you?"]));
    terminal.sees("1  ./mine.yaml");
    terminal.sees("@examples/basics/one-agent");
    terminal.sees("Which config [1]: ");
    terminal.types("");
    terminal.sees("only-me");
    assert_eq!(terminal.ends().0, 0);
}

#[test]
fn interrupted_while_a_key_is_typed() {
    let newcomer = Newcomer::new();
    let mut terminal = Terminal::start(newcomer.command(&["--setup", "OPENAI_API_KEY"]));
    terminal.sees("OPENAI_API_KEY (not shown): ");
    terminal.types("half a key\u{3}");
    let (code, _) = terminal.ends();
    assert_eq!(code, 4);
    assert!(!newcomer.at_home(".massgen").exists());
}
