//! The form of a server's question, field by field.
//!
//! Its fields are of the few kinds that MCP allows, see
//! <https://modelcontextprotocol.io/specification/2025-11-25/client/elicitation>.

use massgen_mcp::{ElicitationAnswer, ElicitationRequest};
use serde_json::{Map, Value};

use super::asking::Talk;
use crate::terminal::harmless;

/// Goes through the fields of a server's question.
pub(super) fn form(talk: &mut dyn Talk, request: &ElicitationRequest) -> ElicitationAnswer {
    talk.say(&format!("\nThe MCP server {} asks: {}", harmless(&request.server), harmless(&request.message)));
    talk.say("    (never give a key or a password here; an empty answer leaves a field out, `!` declines)");
    let properties = request.form.get("properties").and_then(Value::as_object).cloned().unwrap_or_default();
    let required = request.form.get("required").and_then(Value::as_array).cloned().unwrap_or_default();
    let mut content = Map::new();
    for (name, schema) in &properties {
        let field = Field::new(name, schema, required.iter().any(|field| field == name));
        let value = loop {
            let Ok(answer) = talk.reply(&harmless(&field.prompt())) else { return ElicitationAnswer::Dismissed };
            match field.read(answer.trim()) {
                _ if answer.trim() == "!" => return ElicitationAnswer::Declined,
                Ok(value) => break value,
                Err(problem) => talk.say(&format!("      {}", harmless(&problem))),
            }
        };
        content.extend(value.map(|value| (name.clone(), value)));
    }
    ElicitationAnswer::Accepted(content)
}

struct Field<'a> {
    name: &'a str,
    schema: &'a Value,
    is_required: bool,
    /// What may be chosen: the value and what it is called.
    choices: Vec<(&'a str, &'a str)>,
}

impl<'a> Field<'a> {
    fn new(name: &'a str, schema: &'a Value, is_required: bool) -> Self {
        let of = if schema["type"] == "array" { &schema["items"] } else { schema };
        let texts = |key: &str| of[key].as_array().into_iter().flatten().filter_map(Value::as_str);
        let names: Vec<&str> = texts("enumNames").collect();
        let plain = texts("enum").enumerate().map(|(at, value)| (value, names.get(at).copied().unwrap_or(value)));
        let titled = ["oneOf", "anyOf"].into_iter().flat_map(|key| of[key].as_array().into_iter().flatten());
        let titled = titled.filter_map(|choice| {
            let value = choice["const"].as_str()?;
            Some((value, choice["title"].as_str().unwrap_or(value)))
        });
        Self { name, schema, is_required, choices: plain.chain(titled).collect() }
    }

    fn text(&self, key: &str) -> &'a str {
        self.schema[key].as_str().unwrap_or_default()
    }

    fn is_list(&self) -> bool {
        self.schema["type"] == "array"
    }

    fn prompt(&self) -> String {
        let title = if self.text("title").is_empty() { self.name } else { self.text("title") };
        let about = self.text("description").trim_end_matches([':', ' ', '.']);
        let mut prompt = format!("    {title}");
        if !about.is_empty() {
            prompt.push_str(&format!(" - {about}"));
        }
        if !self.choices.is_empty() {
            let choices: Vec<String> =
                (1..).zip(&self.choices).map(|(number, (_, title))| format!("{number} {title}")).collect();
            prompt.push_str(&format!("\n      {}\n    ", choices.join(", ")));
            prompt.push_str(if self.is_list() { "which, separated by commas" } else { "which" });
        } else if self.schema["type"] == "boolean" {
            prompt.push_str(" (y/n)");
        }
        match &self.schema["default"] {
            Value::Null => {}
            Value::String(text) => prompt.push_str(&format!(" [{text}]")),
            other => prompt.push_str(&format!(" [{other}]")),
        }
        prompt.push_str(": ");
        prompt
    }

    /// The value that was typed; `None`: the field is left out.
    fn read(&self, typed: &str) -> Result<Option<Value>, String> {
        if typed.is_empty() {
            return match &self.schema["default"] {
                Value::Null if self.is_required => Err("the server needs this; `!` declines the whole".to_owned()),
                Value::Null => Ok(None),
                usual => Ok(Some(usual.clone())),
            };
        }
        if !self.choices.is_empty() && self.is_list() {
            let chosen = typed.split(',').map(|one| self.choice(one.trim())).collect::<Result<Vec<_>, _>>()?;
            return self.count(chosen.len()).map(|()| Some(chosen.into()));
        }
        if !self.choices.is_empty() {
            return self.choice(typed).map(Some);
        }
        match self.text("type") {
            "boolean" => match typed.to_ascii_lowercase().as_str() {
                "y" | "yes" | "true" => Ok(Some(true.into())),
                "n" | "no" | "false" => Ok(Some(false.into())),
                _ => Err("y for yes or n for no".to_owned()),
            },
            kind @ ("integer" | "number") => self.number(typed, kind == "integer").map(Some),
            _ => self.string(typed).map(|()| Some(typed.into())),
        }
    }

    fn choice(&self, typed: &str) -> Result<Value, String> {
        let by_name = |(value, title): &&(&str, &str)| *value == typed || title.eq_ignore_ascii_case(typed);
        let by_number = typed.parse::<usize>().ok().and_then(|number| self.choices.get(number.checked_sub(1)?));
        let chosen = self.choices.iter().find(by_name).or(by_number);
        let chosen = chosen.map(|(value, _)| Value::from(*value));
        chosen.ok_or_else(|| format!("`{typed}` is none of them: a number from 1 to {}", self.choices.len()))
    }

    fn count(&self, count: usize) -> Result<(), String> {
        let limit = |key: &str| self.schema[key].as_u64().and_then(|limit| usize::try_from(limit).ok());
        match (limit("minItems"), limit("maxItems")) {
            (Some(min), _) if count < min => Err(format!("at least {min}")),
            (_, Some(max)) if count > max => Err(format!("at most {max}")),
            _ => Ok(()),
        }
    }

    fn number(&self, typed: &str, is_whole: bool) -> Result<Value, String> {
        let value = serde_json::from_str::<Value>(typed).ok();
        let value = value.filter(|value| if is_whole { value.is_i64() || value.is_u64() } else { value.is_number() });
        let kind = if is_whole { "a whole number" } else { "a number" };
        let value = value.ok_or_else(|| kind.to_owned())?;
        let number = value.as_f64().unwrap_or_default();
        match (self.schema["minimum"].as_f64(), self.schema["maximum"].as_f64()) {
            (Some(min), _) if number < min => Err(format!("{kind} from {min} up")),
            (_, Some(max)) if number > max => Err(format!("{kind} up to {max}")),
            _ => Ok(value),
        }
    }

    fn string(&self, typed: &str) -> Result<(), String> {
        let length = typed.chars().count() as u64;
        match (self.schema["minLength"].as_u64(), self.schema["maxLength"].as_u64()) {
            (Some(min), _) if length < min => return Err(format!("at least {min} characters")),
            (_, Some(max)) if length > max => return Err(format!("at most {max} characters")),
            _ => {}
        }
        let is_date = |text: &str| {
            let parts: Vec<&str> = text.split('-').collect();
            let lengths: Vec<usize> = parts.iter().map(|part| part.len()).collect();
            lengths == [4, 2, 2] && parts.concat().chars().all(|c| c.is_ascii_digit())
        };
        let time = typed.split_once(['T', 't']);
        let (is_right, example) = match self.text("format") {
            "email" => (typed.split_once('@').is_some_and(|(a, b)| !a.is_empty() && !b.is_empty()), "name@example.com"),
            "uri" => (is_address(typed), "https://example.com"),
            "date" => (is_date(typed), "2026-12-31"),
            "date-time" => (time.is_some_and(|(date, time)| is_date(date) && time.len() > 5), "2026-12-31T12:00:00Z"),
            _ => (true, ""),
        };
        if is_right { Ok(()) } else { Err(format!("in the form {example}")) }
    }
}

/// Whether `text` has the parts of an address.
fn is_address(text: &str) -> bool {
    text.split_once(':').is_some_and(|(scheme, rest)| {
        !rest.is_empty() && scheme.starts_with(|c: char| c.is_ascii_alphabetic()) && !text.contains(char::is_whitespace)
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::failure::Failure;

    struct Typed(Vec<&'static str>, String);

    impl Talk for Typed {
        fn say(&mut self, text: &str) {
            self.1.push_str(text);
            self.1.push('\n');
        }

        fn reply(&mut self, prompt: &str) -> Result<String, Failure> {
            self.1.push_str(prompt);
            self.1.push('\n');
            if self.0.is_empty() { Err(Failure::execution("nothing more")) } else { Ok(self.0.remove(0).to_owned()) }
        }
    }

    fn filled(schema: &Value, typed: &[&'static str]) -> (ElicitationAnswer, String) {
        let form = json!({"properties": {"x": schema}, "required": ["x"]});
        let request = ElicitationRequest { server: "s".to_owned(), message: "m".to_owned(), form, agent: None };
        let mut talk = Typed(typed.to_vec(), String::new());
        (super::form(&mut talk, &request), talk.1)
    }

    #[test]
    fn only_what_fits_is_sent() {
        for (schema, typed, value) in [
            (json!({"type": "boolean"}), vec!["Bob", "y"], json!(true)),
            (json!({"type": "integer", "minimum": 3}), vec!["two", "2", "2.5", "4"], json!(4)),
            (json!({"type": "number", "maximum": 3}), vec!["4", "2.5"], json!(2.5)),
            (json!({"type": "string", "minLength": 2}), vec!["", "a", "ab"], json!("ab")),
            (json!({"type": "string", "format": "email"}), vec!["me", "me@here"], json!("me@here")),
            (json!({"type": "string", "format": "uri"}), vec!["foo", "https://x"], json!("https://x")),
            (json!({"type": "string", "format": "date"}), vec!["1", "2026-01-02"], json!("2026-01-02")),
            (json!({"type": "string", "enum": ["a", "b"]}), vec!["c", "3", "2"], json!("b")),
            (json!({"type": "string", "oneOf": [{"const": "a", "title": "Ann"}]}), vec!["ann"], json!("a")),
            (
                json!({"type": "array", "maxItems": 2, "items": {"type": "string", "enum": ["a", "b", "c"]}}),
                vec!["1,2,3", "a, 3"],
                json!(["a", "c"]),
            ),
            (json!({"type": "string", "default": "usual"}), vec![""], json!("usual")),
        ] {
            let (answer, said) = filled(&schema, &typed);
            let ElicitationAnswer::Accepted(content) = answer else { panic!("{schema}: {said}") };
            assert_eq!(content.get("x"), Some(&value), "{schema}: {said}");
        }
    }

    #[test]
    fn what_may_be_chosen_is_shown() {
        let schema = json!({"type": "string", "title": "Friend", "description": "Choose:", "enum": ["Ann", "Bo"]});
        let (answer, said) = filled(&schema, &["!"]);
        assert!(matches!(answer, ElicitationAnswer::Declined));
        assert!(said.contains("    Friend - Choose\n      1 Ann, 2 Bo\n    which: "), "{said}");
    }
}
