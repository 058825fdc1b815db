//! Functions of the user as tools, in files that were written for another program.

use massgen_protocol::Activity;
use serde_json::json;

use crate::place::Place;
use crate::requests::offers;
use crate::script::{call, solo_calls};
use crate::team::solo;
use crate::told::{calls, notices};

#[test]
fn a_users_file_runs_as_it_is() {
    needs!(python);
    let made = [
        call("custom_tool__word_count", json!({"text": "to be or not to be", "minimum_length": 3})),
        call("custom_tool__city_lookup", json!({"city": "Zürich"})),
        call("custom_tool__city_lookup", json!({"city": "Oslo", "api_key": "another"})),
        call("custom_tool__lesson_planner", json!({"topic": "fractions"})),
        call("custom_tool__word_count", json!({})),
    ];
    let (place, provider) = (Place::new(), solo_calls(&made));
    place.write("user_tools.py", include_str!("fixtures/user_tools.py"));
    let tools = json!({"custom_tools": [
        {"name": ["word_count"], "category": "text", "path": "user_tools.py", "function": ["word_count"]},
        {"name": "city_lookup", "path": "user_tools.py", "function": "lookup", "description": "The weather of a city",
            "preset_args": {"unit": "imperial", "api_key": "${LOOKUP_KEY}"}},
        {"path": "./user_tools.py", "function": "lesson_planner"},
    ]});
    let program = place.ask(&solo(&provider, tools).config(), &["--automation"]).env("LOOKUP_KEY", "key-of-tests-9");
    program.run().expect(0);
    let log = place.log();
    let over = calls(&log);
    let results: Vec<&str> = over.iter().map(|over| over.result.trim()).collect();
    assert_eq!(results[0], r#"{"words": 1}"#, "{over:#?}");
    assert_eq!(results[1], "Zürich: 21 degrees (imperial), with a key of 14 characters", "{over:#?}");
    assert!(over[2].is_refused(), "what is preset is nobody else's to choose: {over:#?}");
    assert_eq!(results[3], "solo plans fractions because of: What is 6 x 7?", "{over:#?}");
    assert!(over[4].is_refused() && results[4].contains("text"), "{over:#?}");

    // It streams, and none of it is lost.
    let told: String = log
        .activities()
        .into_iter()
        .filter_map(|activity| match activity {
            Activity::ToolOutput { delta, .. } => Some(delta),
            _ => None,
        })
        .collect();
    assert!(told.contains("planning goals") && told.contains("planning exercises"), "{told}");

    let body = &provider.received()[0].body;
    for tool in ["custom_tool__word_count", "custom_tool__city_lookup", "custom_tool__lesson_planner"] {
        assert!(offers(body, tool), "{tool}: {:#}", body["tools"]);
    }
    let schemas = body["tools"].to_string();
    assert!(schemas.contains("Shorter words do not count"), "docstrings are descriptions: {schemas}");
    assert!(!schemas.contains("The key of the service") && !schemas.contains("key-of-tests-9"), "{schemas}");
    assert!(!log.text("events.jsonl").contains("key-of-tests-9"));
    assert!(!log.text("execution_metadata.yaml").contains("key-of-tests-9"));
    assert!(notices(&log).is_empty(), "{:?}", notices(&log));
}

#[test]
fn a_broken_file_costs_its_tools_only() {
    needs!(python);
    let (place, provider) = (Place::new(), solo_calls(&[call("custom_tool__word_count", json!({"text": "one two"}))]));
    place.write("user_tools.py", include_str!("fixtures/user_tools.py"));
    place.write("broken.py", "import nothing_of_this_name\n\ndef broken(): pass\n");
    let tools = json!({"custom_tools": [
        {"path": "broken.py", "function": "broken"},
        {"path": "user_tools.py", "function": "word_count"},
    ]});
    place.ask(&solo(&provider, tools).config(), &["--automation"]).run().expect(0);
    assert_eq!(calls(&place.log())[0].result.trim(), r#"{"words": 2}"#);
    let notices = notices(&place.log());
    assert!(notices.iter().any(|notice| notice.contains("nothing_of_this_name")), "{notices:?}");
}
