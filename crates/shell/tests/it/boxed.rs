//! The tools over the drivers that ship, where their helper is built (`cargo build -p massgen-sandbox`).

use std::sync::Arc;

use massgen_sandbox::{Driver, Helper, Limits, Local, choose};
use massgen_tool::ToolSource as _;
use serde_json::json;

use crate::Bench;

/// The helper beside this test program, where cargo puts it; `None` where it is not built, unless it must be.
fn helper(test: &str) -> Option<Helper> {
    let program = std::env::current_exe().unwrap().parent()?.parent()?.join("massgen-sandbox-helper");
    let wanted = std::env::var("MASSGEN_TEST_PARTS").unwrap_or_default();
    let is_wanted = wanted.split(',').any(|part| part.trim() == "bwrap");
    assert!(program.exists() || !is_wanted, "{test} needs `{}`", program.display());
    if !program.exists() {
        eprintln!("SKIPPED {test}: `{}` is not built", program.display());
        return None;
    }
    Some(Helper::at(program))
}

#[tokio::test]
async fn in_a_box_only_what_is_granted_is_there() {
    let test = "boxed::in_a_box_only_what_is_granted_is_there";
    let Some(helper) = helper(test) else { return };
    let driver: Arc<dyn Driver> = choose(helper, Limits::default()).await.unwrap();
    let bench = Bench::over(driver, |_| ());
    std::fs::write(bench.path("elsewhere/secret"), "x").unwrap();
    std::fs::write(bench.path("view/agent1/result"), "42").unwrap();
    let command =
        "cat ../view/agent1/result && echo made > made && mktemp -d > /dev/null && (sleep 98760 &) ; echo done";
    let outcome =
        bench.call("execute_command", json!({"command": command.replace("98760", &crate::long(98760))})).await;
    assert!(outcome.content.contains(r#""stdout":"42done\n""#), "{}", outcome.content);
    assert_eq!(outcome.touched.len(), 1);
    assert_eq!(std::fs::read_to_string(bench.path("workspace/made")).unwrap(), "made\n");
    assert_eq!(crate::processes_with(&crate::long(98760)), 0);
    for command in ["cat ../elsewhere/secret", "echo x > ../view/agent1/result", "ls ../elsewhere"] {
        let reply = bench.reply("execute_command", json!({"command": command})).await;
        assert_eq!(reply["success"], false, "{reply}");
    }
    bench.tools.close().await;
}

#[tokio::test]
async fn a_terminal_is_there_when_asked_for() {
    let Some(helper) = helper("boxed::a_terminal_is_there_when_asked_for") else { return };
    let bench = Bench::over(Arc::new(Local::new(helper)), |_| ());
    let command = "test -t 1 && stty size; read x; echo \"got $x\"";
    let reply = bench.reply("execute_command", json!({"command": command, "terminal": true, "timeout": 20})).await;
    assert_eq!(reply["stdout"].as_str().unwrap().lines().next(), Some("40 120"), "{reply}");
    let reply = bench.reply("start_background_shell", json!({"command": command, "terminal": true})).await;
    let id = reply["shell_id"].as_str().unwrap();
    bench.reply("send_background_shell_input", json!({"shell_id": id, "input": "it\n"})).await;
    loop {
        let reply = bench.reply("get_background_shell_output", json!({"shell_id": id})).await;
        if reply["status"] == "exited" {
            assert!(reply["stdout"].as_str().unwrap().ends_with("got it\n"), "{reply}");
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    bench.tools.close().await;
}
