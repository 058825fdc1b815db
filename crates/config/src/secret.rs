//! Values that must not be shown, and texts whose references have been replaced.

use std::fmt;
use std::ops::Deref;

use massgen_protocol::{REDACTED, redact};
use serde_json::{Map, Value};

/// A key or password. Neither `Debug` nor anything else but [`expose`](Self::expose) shows it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret {
    value: String,
    written: Option<String>,
}

impl Secret {
    /// Wraps a value.
    pub fn new(value: impl Into<String>) -> Self {
        Self { value: value.into(), written: None }
    }

    /// Wraps the value of a reference such as `${OPENAI_API_KEY}`, which may be shown.
    pub(crate) fn of_reference(value: impl Into<String>, written: impl Into<String>) -> Self {
        Self { value: value.into(), written: Some(written.into()) }
    }

    /// The same with another value that follows from this one.
    pub(crate) fn map(&self, value: impl FnOnce(&str) -> String) -> Self {
        Self { value: value(&self.value), written: self.written.clone() }
    }

    /// What the user wrote, for the config's document.
    pub(crate) fn written(&self) -> &str {
        self.written.as_deref().unwrap_or(&self.value)
    }

    /// The value, for the one place that sends it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.value
    }

    /// The reference it came from, such as `${OPENAI_API_KEY}`; `None`: it was given literally.
    #[must_use]
    pub fn reference(&self) -> Option<&str> {
        self.written.as_deref()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret({})", self.written.as_deref().unwrap_or(REDACTED))
    }
}

/// A string of the config in which each `${NAME}` has been replaced.
///
/// It derefs to the value; its `Debug` form and the written config show what the user wrote.
#[derive(Clone, PartialEq, Eq)]
pub struct Text {
    value: String,
    written: Option<String>,
}

impl Text {
    /// A string without references.
    pub fn new(value: impl Into<String>) -> Self {
        Self { value: value.into(), written: None }
    }

    pub(crate) fn of_reference(value: impl Into<String>, written: impl Into<String>) -> Self {
        Self { value: value.into(), written: Some(written.into()) }
    }

    /// The same with another value that follows from this one.
    pub(crate) fn map(&self, value: impl FnOnce(&str) -> String) -> Self {
        Self { value: value(&self.value), written: self.written.clone() }
    }

    /// The value.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.value
    }

    /// What the user wrote.
    #[must_use]
    pub fn written(&self) -> &str {
        self.written.as_deref().unwrap_or(&self.value)
    }
}

impl Deref for Text {
    type Target = str;

    fn deref(&self) -> &str {
        &self.value
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.written(), f)
    }
}

impl From<&str> for Text {
    fn from(value: &str) -> Self {
        Self::new(value)
    }
}

impl From<String> for Text {
    fn from(value: String) -> Self {
        Self::new(value)
    }
}

/// The parameters that go to the provider as they are.
///
/// It derefs to the values; its `Debug` form shows what the user wrote, without literal keys.
#[derive(Clone, PartialEq, Default)]
pub struct Params {
    pub(crate) values: Map<String, Value>,
    pub(crate) written: Map<String, Value>,
}

impl Params {
    /// What the user wrote, with its references.
    #[must_use]
    pub fn written(&self) -> &Map<String, Value> {
        &self.written
    }
}

impl From<Map<String, Value>> for Params {
    fn from(values: Map<String, Value>) -> Self {
        Self { written: values.clone(), values }
    }
}

impl Deref for Params {
    type Target = Map<String, Value>;

    fn deref(&self) -> &Map<String, Value> {
        &self.values
    }
}

impl fmt::Debug for Params {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = Value::Object(self.written.clone());
        redact(&mut shown);
        fmt::Debug::fmt(&shown, f)
    }
}

/// Options as the user wrote them. It derefs to the map; its `Debug` form is without literal keys.
#[derive(Clone, PartialEq, Default)]
pub struct Written(pub(crate) Map<String, Value>);

impl Deref for Written {
    type Target = Map<String, Value>;

    fn deref(&self) -> &Map<String, Value> {
        &self.0
    }
}

impl fmt::Debug for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = Value::Object(self.0.clone());
        redact(&mut shown);
        fmt::Debug::fmt(&shown, f)
    }
}

impl FromIterator<(String, Value)> for Written {
    fn from_iter<I: IntoIterator<Item = (String, Value)>>(entries: I) -> Self {
        Self(entries.into_iter().collect())
    }
}
