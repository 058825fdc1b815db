//! Tools as code that agents read, write programs with, and run.

use serde_json::{Value, json};

use crate::place::Place;
use crate::provider::Provider;
use crate::requests::offers;
use crate::script::{run, solo_calls, write};
use crate::servers::{server, starts};
use crate::team::solo;
use crate::told::{calls, notices, text};

const SCRIPT: &str = r#"from servers.many import add, lookup_7
total = 0
for number in range(10):
    total = float(add(a=total, b=number))
print("total", total)
print(lookup_7(name="x", state="closed"))
"#;

fn keys(place: &Place, as_code: bool) -> Value {
    json!({
        "enable_mcp_command_line": true,
        "enable_code_based_tools": as_code,
        "mcp_servers": {"many": server(place, &["--tools", "30"])},
    })
}

/// The bytes of the schemas of a server's tools in a request.
fn schema_bytes(provider: &Provider) -> usize {
    let tools = provider.received()[0].body["tools"].as_array().unwrap().clone();
    let of_server = |tool: &&Value| tool["name"].as_str().is_some_and(|name| name.starts_with("mcp__many__"));
    tools.iter().filter(of_server).map(|tool| tool.to_string().len()).sum()
}

#[test]
fn programs_call_tools_whose_schemas_no_request_carries() {
    needs!(bwrap, python);
    let (plain_place, plain) = (Place::new(), solo_calls(&[]));
    plain_place.ask(&solo(&plain, keys(&plain_place, false)).config(), &["--automation"]).run().expect(0);

    let made = [
        run(
            "python3 -c 'import servers, os; print(os.path.dirname(servers.__file__))' && ls $PYTHONPATH/servers/many | wc -l",
        ),
        run("cat $PYTHONPATH/servers/many/lookup_7.py"),
        write("totals.py", SCRIPT),
        run("python3 totals.py"),
        run("python3 -c 'from servers.many import add; add(a=1)'"),
    ];
    let (place, coded) = (Place::new(), solo_calls(&made));
    place.ask(&solo(&coded, keys(&place, true)).config(), &["--automation"]).run().expect(0);
    let over: Vec<_> = calls(&place.log()).into_iter().filter(|over| over.name.contains("execute_command")).collect();
    assert_eq!(over[2].stdout(), "total 45.0\nlookup_7: x is closed\n", "{over:#?}");
    assert!(over[1].stdout().contains("def lookup_7(") && over[1].stdout().contains("newest first"), "{over:#?}");
    assert_eq!(over[3].json()["success"], false, "a missing argument is told: {over:#?}");

    // What programs call is told of as well.
    let inner = calls(&place.log()).into_iter().filter(|over| over.name == "mcp__many__add").count();
    assert!(inner >= 10, "{inner}");
    assert_eq!(starts(&place), 1);

    let first = &coded.received()[0];
    assert!(!offers(&first.body, "mcp__many__add") && offers(&plain.received()[0].body, "mcp__many__add"));
    let (plain_tokens, code_tokens) = (schema_bytes(&plain) / 4, schema_bytes(&coded) / 4);
    let whole = |provider: &Provider| provider.received()[0].body.to_string().len() / 4;
    let listing = text(first).len() - text(&plain.received()[0]).len().min(text(first).len());
    state!("one call with a server of 37 tools    plain   as code");
    state!("tokens of its tools' schemas        {plain_tokens:>7} {code_tokens:>9}");
    state!("tokens of the whole request         {:>7} {:>9}", whole(&plain), whole(&coded));
    assert_eq!(code_tokens, 0);
    assert!(whole(&coded) * 2 < whole(&plain), "{} {} {listing}", whole(&coded), whole(&plain));
    assert!(text(first).contains("many") && text(first).contains("servers"), "the listing is there");
    assert!(
        notices(&place.log()).iter().any(|notice| notice.contains("tools are code")),
        "{:?}",
        notices(&place.log())
    );
    // What was generated is no part of the answer.
    let answer = crate::files::read_files(&place.log().attempt().join("final/solo/workspace"));
    assert_eq!(answer.keys().collect::<Vec<_>>(), ["totals.py"]);
}

#[test]
fn a_server_can_stay_out_of_the_code() {
    needs!(bwrap, python);
    let (place, provider) = (Place::new(), solo_calls(&[run("python3 -c 'import servers.many'")]));
    let mut keys = keys(&place, true);
    keys["direct_mcp_servers"] = json!(["many"]);
    place.ask(&solo(&provider, keys).config(), &["--automation"]).run().expect(0);
    assert!(offers(&provider.received()[0].body, "mcp__many__add"));
    assert_eq!(calls(&place.log())[0].json()["success"], false);
}

#[test]
fn functions_of_the_user_are_code_as_well() {
    needs!(bwrap, python);
    let made = [
        run("ls $PYTHONPATH/custom_tools; python3 -c 'from custom_tools import word_count as w; print(w)'"),
        run(
            "python3 -c 'from custom_tools.word_count import word_count; print(word_count(text=\"a bb ccc\", minimum_length=2))'",
        ),
    ];
    let (place, provider) = (Place::new(), solo_calls(&made));
    place.write("user_tools.py", include_str!("fixtures/user_tools.py"));
    let mut keys = keys(&place, true);
    keys["custom_tools"] = json!([{"path": "user_tools.py", "function": "word_count"}]);
    place.ask(&solo(&provider, keys).config(), &["--automation"]).run().expect(0);
    assert!(!offers(&provider.received()[0].body, "custom_tool__word_count"));
    let over = calls(&place.log());
    let (made, inner): (Vec<_>, Vec<_>) = over.iter().partition(|over| over.name.contains("execute_command"));
    assert_eq!((made[1].stdout().as_str(), inner.len()), ("{\"words\": 2}\n", 1), "{over:#?}");
    assert_eq!((inner[0].name.as_str(), inner[0].result.trim()), ("custom_tool__word_count", "{\"words\": 2}"));
}
