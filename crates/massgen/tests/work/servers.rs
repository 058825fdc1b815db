//! MCP servers in a config: a small one of our own, and the official ones.

use std::path::{Path, PathBuf};

use massgen_protocol::ToolEnd;
use serde_json::{Value, json};

use crate::place::Place;
use crate::processes::marked;
use crate::provider::Provider;
use crate::pty::Terminal;
use crate::requests::offers;
use crate::script::{agreeable, call, play, solo_calls, steps};
use crate::team::{Team, solo};
use crate::told::{Over, calls, notices, requests_of};

/// The server's program, in this test's directory, so that its processes can be told from all others.
pub(crate) fn program(place: &Place) -> PathBuf {
    place.write("server.py", include_str!("fixtures/server.py"))
}

/// The server as a config has it, with these further arguments.
pub(crate) fn server(place: &Place, arguments: &[&str]) -> Value {
    let program = program(place).display().to_string();
    let started = place.path().join("started").display().to_string();
    let own = [program.as_str(), "--started", &started];
    let arguments = [&own, arguments].concat();
    json!({"type": "stdio", "command": "python3", "args": arguments, "timeout": 20})
}

fn named(name: &str, mut server: Value, more: Value) -> Value {
    server["name"] = json!(name);
    server.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    server
}

/// How often the server was started.
pub(crate) fn starts(place: &Place) -> usize {
    std::fs::read_to_string(place.path().join("started")).unwrap_or_default().lines().count()
}

fn add() -> Value {
    call("mcp__sums__add", json!({"a": 40, "b": 2}))
}

#[test]
fn a_list_and_a_map_of_servers() {
    needs!(python);
    type Form = fn(Value) -> Value;
    let forms: [(&str, Form); 3] = [
        ("list", |server| json!({"mcp_servers": [named("sums", server, json!({}))]})),
        ("map", |server| json!({"mcp_servers": {"sums": server}})),
        ("Claude Desktop's", |mut server| {
            server.as_object_mut().unwrap().remove("type");
            json!({"mcpServers": {"sums": server}})
        }),
    ];
    for (name, form) in forms {
        let (place, provider) = (Place::new(), solo_calls(&[add()]));
        let keys = form(server(&place, &[]));
        place
            .ask(&solo(&provider, keys).config(), &["--automation"])
            .env("OPENAI_API_KEY", "sk-of-tests")
            .run()
            .expect(0);
        let requests = provider.received();
        for tool in ["mcp__sums__add", "mcp__sums__send"] {
            assert!(offers(&requests[0].body, tool), "{name}: {:#}", requests[0].body["tools"]);
        }
        let over = calls(&place.log());
        assert_eq!((over[0].end, over[0].result.trim()), (ToolEnd::Done, "42"), "{name}: {over:#?}");
        assert!(requests[1].body.to_string().contains("\"42\""), "{name}: the model got it: {}", requests[1].body);
        assert_eq!(starts(&place), 1, "{name}");
        assert!(marked(&place.path().display().to_string()).is_empty(), "{name}: the server ended with the run");
    }
}

#[test]
fn agents_of_every_protocol_call_tools() {
    needs!(python);
    for kind in ["chatcompletion", "claude", "gemini"] {
        let (place, provider) = (Place::new(), solo_calls(&[add()]));
        let team = Team::new().agent(
            &provider,
            kind,
            "solo",
            json!({"cwd": null, "mcp_servers": {"sums": server(&place, &[])}}),
        );
        place.ask(&team.config(), &["--automation"]).run().expect(0);
        let over = calls(&place.log());
        assert_eq!((over[0].end, over[0].result.trim()), (ToolEnd::Done, "42"), "{kind}: {over:#?}");
    }
}

#[test]
fn a_server_sees_its_own_variables_and_no_keys() {
    needs!(python);
    let (place, provider) = (Place::new(), solo_calls(&[call("variables", json!({}))]));
    let server = named("sums", server(&place, &[]), json!({"env": {"TOKEN": "${SUMS_TOKEN}", "MODE": "tests"}}));
    let program = place.ask(&solo(&provider, json!({"mcp_servers": [server]})).config(), &["--automation"]);
    program.env("SUMS_TOKEN", "token-of-tests").env("OPENAI_API_KEY", "sk-of-tests").run().expect(0);
    let over = calls(&place.log());
    let seen = requests_of(&provider, "solo")[1].body.to_string();
    assert!(seen.contains("TOKEN") && seen.contains("MODE"), "{seen}");
    assert!(!seen.contains("OPENAI_API_KEY") && !seen.contains("sk-of-tests"), "{seen}");
    assert_eq!(over.len(), 1);
    // The config of the run is kept without it.
    for name in ["execution_metadata.yaml", "massgen.log"] {
        assert!(!place.log().text(name).contains("token-of-tests"), "{name}");
    }
}

#[test]
fn a_variable_that_is_not_set_leaves_its_server_out() {
    needs!(python);
    let (place, provider) = (Place::new(), solo_calls(&[]));
    let server = named("sums", server(&place, &[]), json!({"env": {"TOKEN": "${NOT_SET_ANYWHERE}"}}));
    let finished =
        place.ask(&solo(&provider, json!({"mcp_servers": [server]})).config(), &["--automation"]).run().expect(0);
    assert!(finished.stderr.contains("NOT_SET_ANYWHERE") && finished.stderr.contains("sums"), "{finished}");
    assert_eq!(starts(&place), 0);
    assert!(!offers(&provider.received()[0].body, "mcp__sums__add"));
}

#[test]
fn a_server_that_hangs_at_its_start_costs_its_tools_only() {
    needs!(python);
    let (place, provider) = (Place::new(), solo_calls(&[add()]));
    let servers = json!({"sums": server(&place, &[]), "silent": named("silent", server(&place, &["--hang"]), json!({"timeout": 1}))});
    let finished =
        place.ask(&solo(&provider, json!({"mcp_servers": servers})).config(), &["--automation"]).run().expect(0);
    let log = place.log();
    assert_eq!(calls(&log)[0].result.trim(), "42");
    assert!(notices(&log).iter().any(|notice| notice.contains("silent")), "{:?}", notices(&log));
    assert!(marked(&place.path().display().to_string()).is_empty(), "it was ended");
    state!("a silent server with a timeout of 1 s: the run took {:.1} s", finished.took.as_secs_f64());
}

#[test]
fn a_server_that_dies_or_hangs_in_a_call_costs_that_call_only() {
    needs!(python);
    let made = [
        call("die", json!({})),
        add(),
        call("mcp__slow__wait", json!({})),
        call("mcp__slow__add", json!({"a": 1, "b": 1})),
    ];
    let (place, provider) = (Place::new(), solo_calls(&made));
    let servers =
        json!({"sums": server(&place, &[]), "slow": named("slow", server(&place, &[]), json!({"timeout": 2}))});
    place.ask(&solo(&provider, json!({"mcp_servers": servers})).config(), &["--automation"]).run().expect(0);
    let over = calls(&place.log());
    assert!(over[0].is_refused() && over[0].result.contains("sums"), "{over:#?}");
    assert_eq!(over[1].result.trim(), "42", "it is started again: {over:#?}");
    assert!(over[2].is_refused() && over[2].result.contains("2 s"), "{over:#?}");
    assert_eq!(over.len(), 4);
    state!("a server that dies, and one that hangs for 2 s: {:?} ms", durations(&place));
    assert!(marked(&place.path().display().to_string()).is_empty());
}

#[test]
fn only_the_tools_that_the_config_lets_through() {
    needs!(python);
    for (keys, allowed) in [
        (json!({"allowed_tools": ["add"]}), ["add"].as_slice()),
        (json!({"exclude_tools": ["add", "mcp__sums__die"]}), &["ask", "echo", "variables", "send", "wait"]),
    ] {
        let (place, provider) = (Place::new(), solo_calls(&[add(), call("mcp__sums__die", json!({}))]));
        let in_server = named("sums", server(&place, &[]), keys.clone());
        let in_backend = {
            let mut backend = json!({"mcp_servers": [named("sums", server(&place, &[]), json!({}))]});
            backend.as_object_mut().unwrap().extend(keys.as_object().unwrap().clone());
            backend
        };
        for backend in [json!({"mcp_servers": [in_server]}), in_backend] {
            let (place, provider) = (Place::new(), solo_calls(&[add(), call("mcp__sums__die", json!({}))]));
            place.ask(&solo(&provider, backend).config(), &["--automation"]).run().expect(0);
            let body = &provider.received()[0].body;
            for tool in ["add", "ask", "echo", "variables", "send", "die", "wait"] {
                assert_eq!(offers(body, &format!("mcp__sums__{tool}")), allowed.contains(&tool), "{keys}: {tool}");
            }
            assert!(calls(&place.log())[1].is_refused(), "{:?}", calls(&place.log()));
        }
        drop(provider);
        drop(place);
    }
}

/// A team of these agents, with this server, each of which adds before it answers.
fn adders(place: &Place, count: usize, sharing: Option<&str>) -> (Provider, Team) {
    let models: Vec<String> = (1..=count).map(|number| format!("m{number}")).collect();
    let mut scripts = json!({});
    for model in &models {
        let mut script = steps(json!({"answers": 0}), &[add()], json!({"new_answer": format!("42 by {model}")}));
        script.extend(agreeable());
        scripts[model] = json!(script);
    }
    let provider = play(scripts);
    let mut server = server(place, &[]);
    if let Some(sharing) = sharing {
        server["sharing"] = json!(sharing);
    }
    let keys = json!({"cwd": null, "mcp_servers": {"sums": server}});
    let team = models.iter().fold(Team::new(), |team, model| team.agent(&provider, "openai", model, keys.clone()));
    (provider, team)
}

#[test]
fn a_server_is_each_agents_own_unless_it_is_shared() {
    needs!(python);
    for (sharing, count) in [(None, 3), (Some("agent"), 3), (Some("run"), 1)] {
        let place = Place::new();
        let (_provider, team) = adders(&place, 3, sharing);
        place.ask(&team.config(), &["--automation"]).run().expect(0);
        let over = calls(&place.log());
        assert_eq!(over.iter().filter(|over| over.result.trim() == "42").count(), 3, "{over:#?}");
        assert_eq!(starts(&place), count, "{sharing:?}");
    }
}

#[test]
fn what_cannot_be_taken_back_waits_for_the_presenter() {
    needs!(python);
    let place = Place::new();
    let sent = place.path().join("sent");
    let send = |text: &str| call("mcp__sums__send", json!({"text": text}));
    let script = |model: &str| {
        let mut script =
            steps(json!({"presenting": true}), &[send("from the presenter")], json!({"say": "The answer is 42."}));
        script.extend(steps(json!({"answers": 0}), &[send(model), add()], json!({"new_answer": "6 x 7 = 42"})));
        script.extend(agreeable());
        script
    };
    let provider = play(json!({"one": script("one"), "two": script("two")}));
    let server = server(&place, &["--sent", &sent.display().to_string()]);
    let keys = json!({"cwd": null, "mcp_servers": {"sums": server}});
    let team = Team::new().agent(&provider, "openai", "one", keys.clone()).agent(&provider, "claude", "two", keys);
    let team = team.orchestrator(json!({"coordination": {"enable_planning_mode": true}}));
    place.ask(&team.config(), &["--automation"]).run().expect(0);
    assert_eq!(std::fs::read_to_string(&sent).unwrap(), "from the presenter\n");
    let over = calls(&place.log());
    let sends: Vec<_> = over.iter().filter(|over| over.name.ends_with("send")).map(Over::is_refused).collect();
    assert_eq!(sends, [true, true, false], "{over:#?}");
    let sums = over.iter().filter(|over| over.name.ends_with("add") && over.result.trim() == "42").count();
    assert_eq!(sums, 2, "what changes nothing may be called: {over:#?}");
    assert!(provider.received()[0].body.to_string().contains("The team is planning"), "they are told");
}

#[test]
fn a_server_asks_the_user_where_there_is_one() {
    needs!(python);
    let ask = [call("mcp__sums__ask", json!({}))];
    let (place, provider) = (Place::new(), solo_calls(&ask));
    place.write("team.yaml", &solo(&provider, json!({"mcp_servers": {"sums": server(&place, &[])}})).config());
    let mut terminal = Terminal::start(&place, &["--config", "team.yaml", "What is 6 x 7?"]);
    terminal.shows("sums asks: Who are you?");
    terminal.shows("Your name");
    terminal.types("Ada");
    let (code, screen) = terminal.finish();
    assert_eq!(code, Some(0), "{screen}");
    let over = calls(&place.log());
    assert!(over[0].result.contains("accept") && over[0].result.contains("Ada"), "{over:#?}");

    let (place, provider) = (Place::new(), solo_calls(&ask));
    let config = solo(&provider, json!({"mcp_servers": {"sums": server(&place, &[])}})).config();
    place.ask(&config, &["--automation"]).run().expect(0);
    let over = calls(&place.log());
    assert!(!over[0].result.contains("accept"), "nobody is there to ask: {over:#?}");
}

#[test]
fn the_official_servers() {
    needs!(mcp, python);
    let folder = PathBuf::from(std::env::var_os("MASSGEN_TEST_MCP_DIR").unwrap());
    let npm = |name: &str| folder.join("node_modules/.bin").join(name).display().to_string();
    let pip = |name: &str| folder.join("venv/bin").join(name).display().to_string();
    let place = Place::new();
    let shelf = place.path().join("shelf");
    std::fs::create_dir(&shelf).unwrap();
    std::fs::write(shelf.join("book.txt"), "a real book").unwrap();
    let servers = json!({
        "everything": {"command": npm("mcp-server-everything"), "sharing": "run"},
        "shelf": {"command": npm("mcp-server-filesystem"), "args": [shelf.display().to_string()]},
        "memory": {"command": npm("mcp-server-memory"), "env": {"MEMORY_FILE_PATH": place.path().join("memory.json").display().to_string()}},
        "time": {"command": pip("mcp-server-time"), "args": ["--local-timezone", "UTC"]},
    });
    let entity = json!({"entities": [{"name": "massgen", "entityType": "program", "observations": ["it works"]}]});
    let made = [
        call("mcp__everything__echo", json!({"message": "hello there"})),
        call("mcp__shelf__read_text_file", json!({"path": shelf.join("book.txt").display().to_string()})),
        call("mcp__memory__create_entities", entity),
        call("mcp__memory__read_graph", json!({})),
        call(
            "mcp__time__convert_time",
            json!({"source_timezone": "UTC", "time": "12:00", "target_timezone": "Asia/Tokyo"}),
        ),
    ];
    let provider = solo_calls(&made);
    let path = format!("{}:/usr/bin:/bin", node(&folder));
    let finished = place
        .ask(&solo(&provider, json!({"mcp_servers": servers})).config(), &["--automation"])
        .env("PATH", &path)
        .run()
        .expect(0);
    let over = calls(&place.log());
    assert!(over.len() == made.len() && !over.iter().any(Over::is_refused), "{finished}\n{over:#?}");
    for (number, expected) in ["hello there", "a real book", "massgen", "it works", "21:00"].iter().enumerate() {
        assert!(over[number].result.contains(expected), "{expected}: {over:#?}");
    }
    let tools = provider.received()[0].body["tools"].as_array().unwrap().len();
    state!("4 official servers, {tools} tools, {:.1} s", finished.took.as_secs_f64());
}

/// Where a Node is that the servers run with.
fn node(folder: &Path) -> String {
    let own = folder.join("node_modules/node/bin");
    let found =
        std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()).find(|path| path.join("node").is_file());
    let found = found.unwrap_or_else(|| if own.join("node").is_file() { own } else { "/usr/bin".into() });
    found.display().to_string()
}

fn durations(place: &Place) -> Vec<u64> {
    let duration = |activity| match activity {
        massgen_protocol::Activity::ToolEnded { duration_ms, .. } => Some(duration_ms),
        _ => None,
    };
    place.log().activities().into_iter().filter_map(duration).collect()
}
