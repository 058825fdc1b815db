//! What a configuration says of custom tools.

use massgen_tool::Effect;
use serde_json::{Map, Value};

/// One entry of `custom_tools`: one file, and one or more functions in it.
///
/// A list with one element is shared by all functions; a longer one must have as many elements as there are functions.
#[derive(Debug, Clone, PartialEq)]
pub struct CustomToolSpec {
    /// The functions. Empty: `main`, or else the first public function of the file.
    pub functions: Vec<String>,
    /// Under which names they are offered; empty: their own.
    pub names: Vec<String>,
    /// Descriptions that take the place of those in the docstrings; empty: theirs.
    pub descriptions: Vec<String>,
    /// A file that ends in `.py`, or a module. Without it the functions are looked up among massgen's own.
    pub path: Option<String>,
    /// Groups tools in listings; it has no other meaning.
    pub category: Option<String>,
    /// Arguments that the user has decided on: the model neither sees nor sets them.
    pub preset_args: Vec<Map<String, Value>>,
    /// What a call can change. Nobody but the user can know it.
    pub effect: Effect,
}

impl Default for CustomToolSpec {
    fn default() -> Self {
        Self {
            functions: Vec::new(),
            names: Vec::new(),
            descriptions: Vec::new(),
            path: None,
            category: None,
            preset_args: Vec::new(),
            effect: Effect::Outside,
        }
    }
}

/// One function of a [`CustomToolSpec`], with what belongs to it.
#[derive(Debug, Clone, PartialEq)]
pub struct FunctionSpec {
    /// The function; `None`: `main`, or else the first public one.
    pub function: Option<String>,
    /// The name to offer it under, without prefix.
    pub name: Option<String>,
    /// The description in place of the docstring's.
    pub description: Option<String>,
    /// The file or module.
    pub path: Option<String>,
    /// The category.
    pub category: Option<String>,
    /// The decided arguments.
    pub preset_args: Map<String, Value>,
    /// What a call can change.
    pub effect: Effect,
}

/// Why an entry of `custom_tools` cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SpecError {
    /// A list that matches the functions neither one to one nor as a shared value.
    #[error(
        "`{field}` has {found} elements for {functions} functions; give one for each function, or a single one for all"
    )]
    LengthsDiffer {
        /// Which list.
        field: &'static str,
        /// How many elements it has.
        found: usize,
        /// How many functions there are.
        functions: usize,
    },
    /// A field of the wrong type.
    #[error("`{field}` must be {expected}")]
    WrongType {
        /// Which field.
        field: String,
        /// What it should be.
        expected: &'static str,
    },
    /// Neither function nor file.
    #[error("it names neither a `function` nor a `path`")]
    Empty,
}

impl CustomToolSpec {
    /// Reads an entry as configurations write it: `func` is another name of `function`, `default_params` and `presets` are
    /// others of `preset_args`, and each may be a single value or a list. Unknown keys are left alone.
    pub fn from_value(value: &Value) -> Result<Self, SpecError> {
        let Value::Object(entry) = value else {
            return Err(SpecError::WrongType { field: "custom_tools[]".to_owned(), expected: "a map" });
        };
        let field = |names: &[&str]| names.iter().find_map(|name| entry.get(*name).filter(|value| !value.is_null()));
        let text = |name: &str| match entry.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(_) => Err(SpecError::WrongType { field: name.to_owned(), expected: "a text" }),
        };
        Ok(Self {
            functions: texts("function", field(&["function", "func"]))?,
            names: texts("name", field(&["name"]))?,
            descriptions: texts("description", field(&["description"]))?,
            path: text("path")?,
            category: text("category")?,
            preset_args: maps(field(&["preset_args", "default_params", "presets"]))?,
            effect: Effect::Outside,
        })
    }

    /// One [`FunctionSpec`] for each function.
    pub fn expand(&self) -> Result<Vec<FunctionSpec>, SpecError> {
        if self.functions.is_empty() && self.path.is_none() {
            return Err(SpecError::Empty);
        }
        let count = self.functions.len().max(1);
        let check = |field: &'static str, found: usize| match found {
            0 | 1 => Ok(()),
            _ if found == count => Ok(()),
            _ => Err(SpecError::LengthsDiffer { field, found, functions: count }),
        };
        // A name cannot be shared: two tools would have it.
        if count > 1 && self.names.len() == 1 {
            return Err(SpecError::LengthsDiffer { field: "name", found: 1, functions: count });
        }
        check("name", self.names.len())?;
        check("description", self.descriptions.len())?;
        check("preset_args", self.preset_args.len())?;
        let at = |index: usize| FunctionSpec {
            function: self.functions.get(index).cloned(),
            name: pick(&self.names, index).cloned(),
            description: pick(&self.descriptions, index).cloned(),
            path: self.path.clone(),
            category: self.category.clone(),
            preset_args: pick(&self.preset_args, index).cloned().unwrap_or_default(),
            effect: self.effect,
        };
        Ok((0..count).map(at).collect())
    }
}

impl FunctionSpec {
    /// What to call it in messages.
    pub(crate) fn label(&self) -> String {
        let name = self.name.as_deref().or(self.function.as_deref());
        match (name, &self.path) {
            (Some(name), Some(path)) => format!("custom tool `{name}` ({path})"),
            (Some(name), None) => format!("custom tool `{name}`"),
            (None, Some(path)) => format!("custom tool in {path}"),
            (None, None) => "custom tool".to_owned(),
        }
    }
}

/// The name under which models know the custom tool `name`. What providers do not take in names becomes `_`; names are
/// at most 64 bytes long.
#[must_use]
pub fn custom_tool_name(name: &str) -> String {
    let bare = name.strip_prefix("custom_tool__").unwrap_or(name);
    let fit = |c: char| if c.is_ascii_alphanumeric() || c == '_' || c == '-' { c } else { '_' };
    "custom_tool__".chars().chain(bare.chars().map(fit)).take(64).collect()
}

fn pick<T>(list: &[T], index: usize) -> Option<&T> {
    match list {
        [one] => Some(one),
        _ => list.get(index),
    }
}

fn texts(name: &str, value: Option<&Value>) -> Result<Vec<String>, SpecError> {
    let wrong = || SpecError::WrongType { field: name.to_owned(), expected: "a text or a list of texts" };
    match value {
        None => Ok(Vec::new()),
        Some(Value::String(text)) => Ok(vec![text.clone()]),
        Some(Value::Array(list)) => {
            list.iter().map(|item| item.as_str().map(str::to_owned).ok_or_else(wrong)).collect()
        }
        Some(_) => Err(wrong()),
    }
}

fn maps(value: Option<&Value>) -> Result<Vec<Map<String, Value>>, SpecError> {
    let wrong = || SpecError::WrongType { field: "preset_args".to_owned(), expected: "a map or a list of maps" };
    match value {
        None => Ok(Vec::new()),
        Some(Value::Object(map)) => Ok(vec![map.clone()]),
        Some(Value::Array(list)) => {
            let map = |item: &Value| match item {
                Value::Object(map) => Ok(map.clone()),
                Value::Null => Ok(Map::new()),
                _ => Err(wrong()),
            };
            list.iter().map(map).collect()
        }
        Some(_) => Err(wrong()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn scalars_are_shared_and_lists_go_one_to_one() {
        let spec = CustomToolSpec::from_value(&json!({
            "func": ["one", "two"], "name": ["a", "b"], "description": "both", "path": "x.py",
            "default_params": [{"k": 1}, null],
        }))
        .unwrap();
        let functions = spec.expand().unwrap();
        assert_eq!(functions.len(), 2);
        assert_eq!(functions[0].name.as_deref(), Some("a"));
        assert_eq!(functions[1].name.as_deref(), Some("b"));
        assert_eq!(functions[1].description.as_deref(), Some("both"));
        assert_eq!(functions[0].preset_args["k"], 1);
        assert!(functions[1].preset_args.is_empty());
    }

    #[test]
    fn lists_of_other_lengths_are_refused() {
        let spec =
            CustomToolSpec::from_value(&json!({"function": ["one", "two", "three"], "name": ["a", "b"]})).unwrap();
        let error = spec.expand().unwrap_err();
        assert_eq!(error, SpecError::LengthsDiffer { field: "name", found: 2, functions: 3 });
        assert_eq!(CustomToolSpec::default().expand().unwrap_err(), SpecError::Empty);
    }

    #[test]
    fn names_fit_what_providers_take() {
        assert_eq!(custom_tool_name("two_num_tool"), "custom_tool__two_num_tool");
        assert_eq!(custom_tool_name("custom_tool__x"), "custom_tool__x");
        assert_eq!(custom_tool_name("größe!"), "custom_tool__gr__e_");
        assert_eq!(custom_tool_name(&"a".repeat(100)).len(), 64);
    }
}
