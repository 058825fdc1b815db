//! A file of an existing user runs unchanged.

use std::sync::Arc;

use massgen_python::CustomTools;
use massgen_tool::{Effect, ToolSource};
use serde_json::{Value, json};

use crate::support::{Surroundings, call, files, has_module, has_part, settings, told, tool_call, tools};

fn weather(workspace: &std::path::Path) -> CustomTools {
    let mut settings = settings();
    settings.context = Arc::new(Surroundings(workspace.to_path_buf()));
    settings.log = Some(workspace.join("python.log"));
    tools(
        settings,
        &json!([
            {"name": ["to_fahrenheit", "city_weather"], "function": ["to_fahrenheit", "weather"], "path": "weather_tools.py",
             "category": "weather", "description": ["", "Ask for the weather"], "preset_args": [{}, {"api_key": "k-1"}]},
            {"name": ["forecast"], "function": ["forecast"], "path": "weather_tools.py"},
            {"function": ["counting", "picture"], "path": "./weather_tools.py"},
        ]),
    )
}

#[tokio::test]
async fn schemas_come_from_signatures_and_docstrings() {
    let dir = tempfile::tempdir().unwrap();
    let tools = weather(dir.path());
    assert!(tools.tools().is_empty(), "nothing is offered before it is known");
    assert_eq!(tools.ready().await, Vec::<String>::new());
    let offered = tools.tools();
    let names: Vec<_> = offered.iter().map(|tool| tool.spec.name.trim_start_matches("custom_tool__")).collect();
    assert_eq!(names, ["to_fahrenheit", "city_weather", "forecast", "counting", "picture"]);
    assert!(offered.iter().all(|tool| tool.effect == Effect::Outside));
    assert_eq!(
        offered[0].spec.parameters,
        json!({
            "type": "object",
            "properties": {
                "celsius": {"type": "number", "description": "Degrees Celsius"},
                "digits": {"type": "integer", "description": "Digits after the point", "default": 1},
            },
            "required": ["celsius"],
        })
    );
    assert_eq!(offered[1].spec.description, "Ask for the weather");
    let city = &offered[1].spec.parameters;
    let properties: Vec<_> = city["properties"].as_object().unwrap().keys().collect();
    assert_eq!(properties, ["city", "units", "days"], "what is decided, or comes from the surroundings, is not shown");
    assert_eq!(city["properties"]["units"]["enum"], json!(["metric", "imperial"]));
    assert_eq!(city["properties"]["city"]["description"], "Name of the city, such as \"Zürich\"");
    assert_eq!(offered[2].spec.parameters["properties"], json!({}));
    assert_eq!(offered[2].spec.description, "Stream a forecast for what was asked.");
    assert_eq!(tools.category("custom_tool__city_weather").as_deref(), Some("weather"));
    tools.close().await;
    let log = std::fs::read_to_string(dir.path().join("python.log")).unwrap();
    assert!(log.contains("weather tools are imported"), "{log}");
}

#[tokio::test]
async fn sync_and_async_functions_are_called() {
    let dir = tempfile::tempdir().unwrap();
    let tools = weather(dir.path());
    tools.ready().await;
    let outcome = call(&tools, "to_fahrenheit", json!({"celsius": 20})).await;
    assert_eq!((outcome.content.as_str(), outcome.is_error), ("68.0", false));

    let outcome = call(&tools, "city_weather", json!({"city": "Zürich 🌧", "days": [1, 2]})).await;
    let result: Value = serde_json::from_str(&outcome.content).unwrap();
    let cwd = dir.path().to_str().unwrap();
    assert_eq!(result, json!({"city": "Zürich 🌧", "units": "metric", "days": [1, 2], "key": "k-1", "cwd": cwd}));

    let outcome = call(&tools, "city_weather", json!({"city": "x", "api_key": "stolen"})).await;
    assert!(outcome.is_error && outcome.content.contains("no such argument: api_key"), "{}", outcome.content);
    let outcome = call(&tools, "city_weather", json!({})).await;
    assert!(outcome.is_error && outcome.content.contains("missing arguments: city"), "{}", outcome.content);
    tools.close().await;
}

#[tokio::test]
async fn generators_tell_of_themselves_while_they_run() {
    let dir = tempfile::tempdir().unwrap();
    let tools = weather(dir.path());
    tools.ready().await;
    let listener = told();
    let outcome = tools.call(&tool_call("forecast", &json!({})), &listener.context).await;
    assert_eq!(outcome.content, "agent1: rain?", "what is for the log is not part of the result");
    assert_eq!(listener.notes(), ["step 0", "step 1", "step 2", "agent1: ", "rain?"]);

    let listener = told();
    let outcome = tools.call(&tool_call("counting", &json!({"limit": 3})), &listener.context).await;
    assert_eq!(outcome.content, "0 1 2 ");
    assert_eq!(listener.notes(), ["0 ", "1 ", "2 "]);
    assert_eq!(listener.output(), "counting begins\n");
    tools.close().await;
}

#[tokio::test]
async fn images_are_kept_in_the_workspace() {
    let dir = tempfile::tempdir().unwrap();
    let tools = weather(dir.path());
    tools.ready().await;
    let outcome = call(&tools, "picture", json!({})).await;
    assert!(outcome.content.starts_with("here: [image: image/png, "), "{}", outcome.content);
    assert!(outcome.content.ends_with("saved as tool_media/image-1.png]"), "{}", outcome.content);
    assert!(std::fs::read(dir.path().join("tool_media/image-1.png")).unwrap().starts_with(b"\x89PNG"));
    tools.close().await;
}

#[tokio::test]
async fn arguments_become_what_the_function_expects() {
    let tools =
        tools(settings(), &json!([{"function": ["paint", "odd", "plain_text", "nothing"], "path": "typed_tools.py"}]));
    assert_eq!(tools.ready().await, Vec::<String>::new());
    let schema = tools.tools()[0].spec.parameters.clone();
    let point = json!({
        "type": "object",
        "properties": {
            "x": {"type": "integer", "description": "to the right"}, "y": {"type": "integer", "default": 0},
            "tags": {"type": "array", "items": {"type": "string"}},
        },
        "required": ["x"],
    });
    assert_eq!(schema["properties"]["points"], json!({"type": "array", "items": point}));
    assert_eq!(schema["properties"]["color"], json!({"type": "string", "enum": ["red", "blue"], "default": "red"}));

    let arguments = json!({"points": [{"x": 1}, {"x": 2, "y": 3}], "color": "blue", "by_name": {"a": {"x": 9}}});
    let outcome = call(&tools, "paint", arguments).await;
    let result: Value = serde_json::from_str(&outcome.content).unwrap();
    assert_eq!(result, json!({"sum": 6, "color": "BLUE", "named": {"a": 9}}));
    let outcome = call(&tools, "paint", json!({"points": [], "color": "green"})).await;
    assert!(outcome.is_error && outcome.content.starts_with("argument `color`"), "{}", outcome.content);

    let odd = tools.tools()[1].spec.parameters.clone();
    assert_eq!(odd["properties"]["c"], json!({"anyOf": [{"type": "integer"}, {"type": "string"}], "default": 1}));
    assert_eq!(odd["additionalProperties"], true);
    let outcome = call(&tools, "odd", json!({"a": null, "z": 1})).await;
    assert_eq!(outcome.content, r#"{"a": null, "c": 1, "more": {"z": 1}}"#);
    assert_eq!(call(&tools, "plain_text", json!({"text": "as it is"})).await.content, "as it is");
    assert_eq!(call(&tools, "nothing", json!({})).await.content, "done");
    tools.close().await;
}

#[tokio::test]
async fn the_main_function_serves_where_none_is_named() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("single.py"), "import os\ndef _x(): pass\ndef first(): return 'f'\ndef b(): pass")
        .unwrap();
    let mut settings = settings();
    settings.roots = vec![dir.path().to_path_buf()];
    let tools = tools(settings, &json!([{"path": "single.py"}, {"path": "single", "name": "as_module"}]));
    assert_eq!(tools.ready().await, Vec::<String>::new());
    assert_eq!(call(&tools, "first", json!({})).await.content, "f");
    assert_eq!(call(&tools, "as_module", json!({})).await.content, "f");
    tools.close().await;
}

#[tokio::test]
async fn files_of_a_package_may_import_their_neighbours() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(dir.path().join("mytools/inner")).unwrap();
    for (path, content) in [
        ("__init__.py", ""),
        ("inner/__init__.py", ""),
        ("shared.py", "VALUE = 'shared'"),
        ("inner/tool.py", "from ..shared import VALUE\ndef tell(): return VALUE"),
    ] {
        std::fs::write(dir.path().join("mytools").join(path), content).unwrap();
    }
    let mut settings = settings();
    settings.roots = vec![dir.path().to_path_buf()];
    let tools = tools(settings, &json!([{"function": "tell", "path": "mytools/inner/tool.py"}]));
    assert_eq!(tools.ready().await, Vec::<String>::new());
    assert_eq!(call(&tools, "tell", json!({})).await.content, "shared");
    tools.close().await;
}

#[tokio::test]
async fn a_really_installed_massgen_wins_and_a_folder_of_that_name_does_not() {
    let dir = tempfile::tempdir().unwrap();
    let write = |path: &str, content: &str| {
        let path = dir.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    };
    write(
        "project/massgen/tool/mine.py",
        "from massgen.tool._result import ExecutionResult as R\ndef which(): return R.__module__ + str(hasattr(R, 'REAL'))",
    );
    write("site/massgen/__init__.py", "");
    write("site/massgen/tool/__init__.py", "");
    write("site/massgen/tool/_result.py", "class ExecutionResult:\n    REAL = True");
    write("site/massgen/tool/_web_tools/crawl4ai_tool.py", "def crawl4ai_md(): return 'crawled'");
    write("broken/massgen/__init__.py", "import nothing_of_this_name");
    let entries = json!([
        {"function": "which", "path": "massgen/tool/mine.py"},
        {"function": "crawl4ai_md", "path": "massgen/tool/_web_tools/crawl4ai_tool.py"},
    ]);
    for (path, expected, missing) in [
        ("none", "massgen.tool._resultFalse", 1),
        ("site", "massgen.tool._resultTrue", 0),
        ("broken", "massgen.tool._resultFalse", 1),
    ] {
        let mut settings = settings();
        settings.roots = vec![dir.path().join("project")];
        settings.python.environment.insert("PYTHONPATH".into(), dir.path().join(path).into());
        let tools = tools(settings, &entries);
        let notices = tools.ready().await;
        assert_eq!(notices.len(), missing, "{path}: {notices:?}");
        assert_eq!(call(&tools, "which", json!({})).await.content, expected, "{path}");
        if missing == 0 {
            assert_eq!(call(&tools, "crawl4ai_md", json!({})).await.content, "crawled");
        } else {
            assert!(notices[0].contains("Crawl4AI"), "{notices:?}");
        }
        tools.close().await;
    }
}

#[tokio::test]
async fn functions_of_massgen_read_and_write_in_their_folder() {
    let dir = tempfile::tempdir().unwrap();
    let settings = massgen_python::CustomSettings::new(dir.path(), massgen_python::InterpreterSearch::default());
    let tools = tools(
        settings,
        &json!([{"function": ["two_num_tool", "save_file_content", "read_file_content", "append_file_content"]}]),
    );
    assert_eq!(tools.ready().await, Vec::<String>::new(), "no Python is needed");
    let outcome = call(&tools, "two_num_tool", json!({"x": 2, "y": 40})).await;
    assert_eq!(outcome.content, "The sum of 2 and 40 is 42");
    let write = json!({"target_path": "a/b.txt", "file_content": "one\ntwo\n"});
    assert!(!call(&tools, "save_file_content", write).await.is_error);
    let add = json!({"target_path": "a/b.txt", "additional_content": "half", "line_position": 2});
    assert!(!call(&tools, "append_file_content", add).await.is_error);
    let outcome = call(&tools, "read_file_content", json!({"target_path": "a/b.txt", "line_range": [-2, -1]})).await;
    assert_eq!(outcome.content, "Content of a/b.txt (lines 2-3):\n```\n   2│ half\n   3│ two\n```");
    assert_eq!(outcome.touched.len(), 1);
    let outcome = call(&tools, "read_file_content", json!({"target_path": files().join("bad_tools.py")})).await;
    assert!(outcome.is_error && outcome.content.contains("outside"), "{}", outcome.content);
    tools.close().await;
}

#[tokio::test]
async fn images_are_checked_before_a_provider_sees_them() {
    use futures_util::future::BoxFuture;
    use massgen_python::{DrawingOrder, MadeMedia, MediaAnswer, MediaError, MediaProvider, MediaQuestion, SpeechOrder};
    use massgen_tool::CallContext;
    struct Eye;
    impl MediaProvider for Eye {
        fn understand<'a>(
            &'a self,
            question: MediaQuestion<'a>,
            _: &'a CallContext,
        ) -> BoxFuture<'a, Result<MediaAnswer, MediaError>> {
            let image = &question.attachments[0];
            let (prompt, model) = (question.prompt, question.target.model);
            let text = format!("{} {} {prompt} {model:?}", image.media_type, image.bytes.len());
            Box::pin(std::future::ready(Ok(MediaAnswer { text, backend: "openai", model: "m".to_owned() })))
        }

        fn draw<'a>(&'a self, _: DrawingOrder<'a>, _: &'a CallContext) -> BoxFuture<'a, Result<MadeMedia, MediaError>> {
            Box::pin(std::future::ready(Err(MediaError::new("blind"))))
        }

        fn speak<'a>(&'a self, _: SpeechOrder<'a>, _: &'a CallContext) -> BoxFuture<'a, Result<MadeMedia, MediaError>> {
            Box::pin(std::future::ready(Err(MediaError::new("mute"))))
        }
    }
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("a.jpg"), b"\x89PNG\r\n\x1a\n....").unwrap();
    std::fs::write(dir.path().join("b.png"), "no image").unwrap();
    let mut settings = massgen_python::CustomSettings::new(dir.path(), massgen_python::InterpreterSearch::default());
    settings.media = Some(Arc::new(Eye));
    let tools = tools(settings, &json!([{"function": "understand_image", "preset_args": {"model": "m"}}]));
    assert_eq!(tools.ready().await, Vec::<String>::new());
    let outcome = call(&tools, "understand_image", json!({"image_path": "a.jpg", "prompt": "What?"})).await;
    let result: Value = serde_json::from_str(&outcome.content).unwrap();
    assert_eq!(result["response"], "image/png 12 What? Some(\"m\")");
    let outcome = call(&tools, "understand_image", json!({"image_path": "b.png"})).await;
    assert!(outcome.is_error && outcome.content.contains("not a PNG"), "{}", outcome.content);
    let outcome = call(&tools, "understand_image", json!({"image_path": "/etc/passwd"})).await;
    assert!(outcome.is_error && outcome.content.contains("outside"), "{}", outcome.content);
}

#[tokio::test]
async fn models_of_pydantic_are_described_and_built() {
    let test = "models_of_pydantic_are_described_and_built";
    if !has_part(test, "pydantic", has_module("pydantic"), "Python has no pydantic") {
        return;
    }
    let tools = tools(settings(), &json!([{"function": ["invite", "as_model"], "path": "pydantic_tools.py"}]));
    assert_eq!(tools.ready().await, Vec::<String>::new());
    let schema = tools.tools()[0].spec.parameters.clone();
    assert_eq!(schema["$defs"]["Address"]["properties"]["title"]["description"], "How to address somebody");
    assert_eq!(schema["properties"]["person"]["description"], "Who comes");
    assert_eq!(schema["properties"]["person"]["properties"]["addresses"]["items"], json!({"$ref": "#/$defs/Address"}));
    assert_eq!(schema["properties"]["note"]["description"], "A note");
    let person = json!({"name": "Ann", "age": 3, "addresses": [{"title": "Dr"}]});
    let outcome = call(&tools, "invite", json!({"person": person, "others": [{"name": "Bob", "age": 1}]})).await;
    assert_eq!(outcome.content, r#"{"name": "Ann", "cities": ["Bern"], "others": ["Bob"]}"#);
    let outcome = call(&tools, "invite", json!({"person": {"name": "Ann", "age": -1}})).await;
    assert!(outcome.is_error && outcome.content.contains("greater than or equal to 0"), "{}", outcome.content);
    let outcome = call(&tools, "as_model", json!({"name": "C"})).await;
    assert_eq!(outcome.content, r#"{"name": "C", "age": 1, "addresses": []}"#);
    tools.close().await;
}

/// The reference's own files, as its users have them. `MASSGEN_REFERENCE` names a folder with its unpacked wheel.
#[tokio::test]
async fn files_of_the_reference_run_unchanged() {
    let folder = std::env::var("MASSGEN_REFERENCE").unwrap_or_default();
    let there = std::path::Path::new(&folder).join("massgen/tool/_basic/_two_num_tool.py").is_file();
    let test = "files_of_the_reference_run_unchanged";
    if !has_part(test, "reference", there, "MASSGEN_REFERENCE names no folder with the reference's wheel") {
        return;
    }
    let mut settings = settings();
    settings.roots = vec![folder.into()];
    let tools = tools(
        settings,
        &json!([
            {"function": ["two_num_tool"], "path": "massgen/tool/_basic/_two_num_tool.py"},
            {"function": ["reverse_string", "count_words"], "path": "massgen/tool/_code_based_example/string_utils.py"},
            {"function": "fetch_github_issues", "path": "massgen/tool/_self_evolution/_github_issue_analyzer.py"},
            {"function": "langgraph_lesson_planner",
             "path": "massgen/tool/_extraframework_agents/langgraph_lesson_planner_tool.py"},
        ]),
    );
    let notices = tools.ready().await;
    assert_eq!(call(&tools, "two_num_tool", json!({"x": 1, "y": 2})).await.content, "The sum of 1 and 2 is 3");
    assert_eq!(call(&tools, "reverse_string", json!({"text": "hello"})).await.content, "olleh");
    // Those that import what is not installed say what.
    assert!(notices.iter().all(|notice| notice.contains("No module named")), "{notices:?}");
    assert!(tools.tools().iter().all(|tool| tool.spec.parameters["type"] == "object"));
    tools.close().await;
}
