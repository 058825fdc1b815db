//! Limits by model, as each protocol tells them.

use massgen_rehearsal::Wire;

use crate::client::{body, post, start};

/// A window that no test outlasts.
const LIMITS: &str = "limits: {any: {requests_per_minute: 2, tokens_per_minute: 100000, window_seconds: 3600}}\n\
                      models: {'*': [{say: x}]}";

#[tokio::test]
async fn what_is_over_the_limit_is_refused_and_told() {
    for wire in Wire::ALL {
        let server = start(LIMITS).await;
        let request = body(wire, false, "x", &[]);
        let mut replies = Vec::new();
        for _ in 0..4 {
            replies.push(post(&server, wire, false, &request).await);
        }
        assert_eq!(replies.iter().map(|reply| reply.status).collect::<Vec<_>>(), [200, 200, 429, 429], "{wire:?}");
        assert_eq!((server.refused(), server.received().len()), (2, 4));
        let wait: u64 = replies[2].header("retry-after").unwrap().parse().unwrap();
        assert!((3000..=3600).contains(&wait), "{wait}");
        assert_eq!(replies[0].header("retry-after"), None);

        let name = |of: &str, what: &str| match wire {
            Wire::Messages => format!("anthropic-ratelimit-{of}-{what}"),
            _ => format!("x-ratelimit-{what}-{of}"),
        };
        let told = |of: &str, what: &str| replies.iter().map(|reply| reply.header(&name(of, what))).collect::<Vec<_>>();
        if wire == Wire::Gemini {
            assert_eq!(told("requests", "limit"), [None; 4], "Google tells nothing");
            assert_eq!(replies[2].json()["error"]["details"][0]["retryDelay"], format!("{wait}s"));
            continue;
        }
        assert_eq!(told("requests", "limit"), [Some("2"); 4], "{wire:?}");
        assert_eq!(told("requests", "remaining"), ["1", "0", "0", "0"].map(Some));
        let tokens = request.to_string().len().div_ceil(4);
        let left = [1, 2, 2, 2].map(|requests| (100_000 - requests * tokens).to_string());
        assert_eq!(told("tokens", "remaining"), left.each_ref().map(|left| Some(left.as_str())));
        let reset = told("requests", "reset")[0].unwrap();
        let form = if wire == Wire::Messages { ("20", "Z") } else { ("59m", "s") };
        assert!(reset.starts_with(form.0) && reset.ends_with(form.1) || reset == "60m0s", "{reset}");
    }
}

#[tokio::test]
async fn each_model_has_limits_of_its_own() {
    let yaml = "limits: {any: {requests_per_minute: 1}, glm-4.5: {requests_per_minute: 2}}\nmodels: {'*': [{say: x}]}";
    let server = start(yaml).await;
    for wire in Wire::ALL {
        let request = body(wire, false, "x", &[]);
        let mut good = 0;
        while post(&server, wire, false, &request).await.status == 200 {
            good += 1;
        }
        assert_eq!(good, if wire == Wire::ChatCompletions { 2 } else { 1 }, "{wire:?}");
    }
}

#[tokio::test]
async fn tokens_are_limited_too() {
    let yaml = "limits: {any: {requests_per_minute: 100, tokens_per_minute: 5000}}\nmodels: {'*': [{say: x}]}";
    let server = start(yaml).await;
    let request = body(Wire::ChatCompletions, false, &"word ".repeat(3000), &[]);
    let mut statuses = Vec::new();
    for _ in 0..2 {
        statuses.push(post(&server, Wire::ChatCompletions, false, &request).await.status);
    }
    assert_eq!(statuses, [200, 429]);
}

#[tokio::test]
async fn a_request_with_a_bad_key_is_not_counted() {
    let yaml = "key: good\nlimits: {any: {requests_per_minute: 1}}\nmodels: {'*': [{say: x}]}";
    let server = start(yaml).await;
    for _ in 0..3 {
        let request = body(Wire::Messages, false, "x", &[]);
        assert_eq!(post(&server, Wire::Messages, false, &request).await.status, 401);
    }
    assert_eq!(server.refused(), 0);
}
