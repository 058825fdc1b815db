//! Where each function comes from, and what came of loading it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use massgen_protocol::ToolSpec;
use massgen_tool::Tool;
use serde_json::{Map, Value, json};

use super::sidecar::{LoadedFunction, Sidecar};
use crate::builtin::{Builtin, BuiltinTool, Presence, belongs_to_package, file_of, find, find_in_file};
use crate::spec::{CustomToolSpec, FunctionSpec, custom_tool_name};

/// What is to be loaded.
pub(super) struct Plan {
    functions: Vec<FunctionSpec>,
    builtins: Vec<(usize, BuiltinTool)>,
    sources: Vec<Source>,
    /// What is wrong with entries, known without Python.
    pub(super) notices: Vec<String>,
}

/// A file or module, imported once however many entries name it.
struct Source {
    place: Place,
    functions: Vec<usize>,
    /// For what belongs to the reference's package: why it is not here.
    missing: Option<&'static str>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Place {
    File(PathBuf),
    Module(String),
    /// In a `massgen` package, if the user's Python has one.
    Package(String),
}

/// What can be called.
#[derive(Default)]
pub(super) struct Loaded {
    entries: Vec<Entry>,
    /// What did not load, and why.
    pub(super) notices: Vec<String>,
}

struct Entry {
    index: usize,
    tool: Tool,
    category: Option<String>,
    kind: Kind,
}

enum Kind {
    Builtin(BuiltinTool),
    Function(Function),
}

/// A function in the sidecar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Function {
    /// Its number there.
    pub(super) index: usize,
    /// The parameters that are filled from the surroundings.
    pub(super) context: Vec<String>,
}

impl Plan {
    pub(super) fn new(specs: &[CustomToolSpec], roots: &[PathBuf], has_media: bool) -> Self {
        let mut plan = Self { functions: Vec::new(), builtins: Vec::new(), sources: Vec::new(), notices: Vec::new() };
        for (number, spec) in specs.iter().enumerate() {
            match spec.expand() {
                Ok(functions) => {
                    for function in functions {
                        if let Err(reason) = plan.place(&function, roots, has_media) {
                            plan.notices.push(notice(&function, &reason));
                        }
                    }
                }
                Err(error) => plan.notices.push(format!("entry {} of custom_tools is not used: {error}", number + 1)),
            }
        }
        plan
    }

    pub(super) fn needs_sidecar(&self) -> bool {
        !self.sources.is_empty()
    }

    /// What can be called before or without a sidecar.
    pub(super) fn without_sidecar(&self) -> Loaded {
        let mut loaded = Loaded::default();
        self.add_builtins(&mut loaded);
        loaded.settle(&self.functions);
        loaded
    }

    /// A line for each tool that cannot be because Python cannot run.
    pub(super) fn notices_without_sidecar(&self, reason: &str) -> Vec<String> {
        let of_source = |source: &Source| {
            let functions: Vec<_> = source.functions.clone();
            let missing = source.missing;
            functions.into_iter().filter_map(move |index| {
                let why = missing.map_or_else(|| reason.to_owned(), |why| format!("not part of this massgen: {why}"));
                Some(notice(self.functions.get(index)?, &why))
            })
        };
        self.sources.iter().flat_map(of_source).collect()
    }

    /// Has `sidecar` load everything but the sources in `broken`, whose values say why.
    ///
    /// # Errors
    ///
    /// The source that the sidecar did not survive, and how; an empty name when it cannot be told which.
    pub(super) async fn load(
        &self,
        sidecar: &Sidecar,
        limit: Duration,
        broken: &Map<String, Value>,
    ) -> Result<Loaded, (String, String)> {
        let mut loaded = Loaded::default();
        self.add_builtins(&mut loaded);
        for source in &self.sources {
            let key = source.place.key();
            if let Some(reason) = broken.get(&key) {
                let reason = reason.as_str().unwrap_or_default();
                loaded.notices.extend(self.of(source).map(|(_, function)| notice(function, reason)));
                continue;
            }
            let functions: Vec<Value> = self
                .of(source)
                .map(|(index, function)| {
                    json!({"index": index, "function": function.function, "preset": function.preset_args})
                })
                .collect();
            let mut order = source.place.order();
            order.insert("functions".to_owned(), Value::Array(functions));
            let outcome = match tokio::time::timeout(limit, sidecar.load(order)).await {
                Ok(Ok(outcome)) => outcome,
                Ok(Err(reason)) => return Err((key, format!("Python ended while importing it: {reason}"))),
                Err(_) => return Err((key, format!("it was still being imported after {} s", limit.as_secs()))),
            };
            match outcome {
                Ok(functions) => self.take(source, functions, &mut loaded),
                Err(reason) => {
                    let reason = match source.missing {
                        Some(missing) => format!("not part of this massgen: {missing} ({reason})"),
                        None => reason,
                    };
                    loaded.notices.extend(self.of(source).map(|(_, function)| notice(function, &reason)));
                }
            }
        }
        loaded.settle(&self.functions);
        Ok(loaded)
    }

    fn of<'a>(&'a self, source: &'a Source) -> impl Iterator<Item = (usize, &'a FunctionSpec)> {
        source.functions.iter().filter_map(|index| Some((*index, self.functions.get(*index)?)))
    }

    fn take(&self, source: &Source, functions: Vec<LoadedFunction>, loaded: &mut Loaded) {
        for function in functions {
            let Some(spec) = self.functions.get(function.index).filter(|_| source.functions.contains(&function.index))
            else {
                continue;
            };
            if let Some(error) = function.error {
                loaded.notices.push(notice(spec, &error));
                continue;
            }
            let name = spec.name.clone().or_else(|| spec.function.clone()).unwrap_or(function.name);
            let tool = Tool {
                spec: ToolSpec {
                    name: custom_tool_name(&name),
                    description: spec.description.clone().unwrap_or(function.description),
                    parameters: function.parameters,
                },
                effect: spec.effect,
            };
            let kind = Kind::Function(Function { index: function.index, context: function.context });
            loaded.entries.push(Entry { index: function.index, tool, category: spec.category.clone(), kind });
        }
    }

    fn add_builtins(&self, loaded: &mut Loaded) {
        for (index, builtin) in &self.builtins {
            let category = self.functions.get(*index).and_then(|function| function.category.clone());
            let tool = builtin.tool.clone();
            loaded.entries.push(Entry { index: *index, tool, category, kind: Kind::Builtin(builtin.clone()) });
        }
    }

    fn place(&mut self, spec: &FunctionSpec, roots: &[PathBuf], has_media: bool) -> Result<(), String> {
        let index = self.functions.len();
        let (place, missing) = match locate(spec, roots)? {
            Found::Builtin(builtin) if builtin.needs_media() && !has_media => {
                let file = file_of(builtin).unwrap_or_default();
                (Place::Package(file.to_owned()), Some("it needs a provider that sees, hears or draws"))
            }
            Found::Builtin(builtin) => {
                let tool = BuiltinTool::new(builtin, spec)?;
                self.functions.push(spec.clone());
                self.builtins.push((index, tool));
                return Ok(());
            }
            Found::Source(place, missing) => (place, missing),
        };
        self.functions.push(spec.clone());
        match self.sources.iter_mut().find(|source| source.place == place && source.missing == missing) {
            Some(source) => source.functions.push(index),
            None => self.sources.push(Source { place, functions: vec![index], missing }),
        }
        Ok(())
    }
}

impl Place {
    fn key(&self) -> String {
        match self {
            Self::File(path) => path.display().to_string(),
            Self::Module(name) | Self::Package(name) => name.clone(),
        }
    }

    fn order(&self) -> Map<String, Value> {
        let (name, value) = match self {
            Self::File(path) => ("path", path.display().to_string()),
            Self::Module(name) => ("module", name.clone()),
            Self::Package(path) => ("package", path.clone()),
        };
        Map::from_iter([(name.to_owned(), Value::String(value))])
    }
}

impl Loaded {
    pub(super) fn tools(&self) -> Vec<Tool> {
        self.entries.iter().map(|entry| entry.tool.clone()).collect()
    }

    pub(super) fn builtin(&self, name: &str) -> Option<BuiltinTool> {
        match &self.find(name)?.kind {
            Kind::Builtin(builtin) => Some(builtin.clone()),
            Kind::Function(_) => None,
        }
    }

    pub(super) fn function(&self, name: &str) -> Option<&Function> {
        match &self.find(name)?.kind {
            Kind::Function(function) => Some(function),
            Kind::Builtin(_) => None,
        }
    }

    pub(super) fn category(&self, name: &str) -> Option<String> {
        self.find(name)?.category.clone()
    }

    fn find(&self, name: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.tool.spec.name == name)
    }

    /// In the order of the configuration, each name once: the first has it.
    fn settle(&mut self, functions: &[FunctionSpec]) {
        self.entries.sort_by_key(|entry| entry.index);
        let mut names = BTreeSet::new();
        let notices = &mut self.notices;
        self.entries.retain(|entry| {
            let first = names.insert(entry.tool.spec.name.clone());
            if !first && let Some(function) = functions.get(entry.index) {
                let reason = format!("another tool is called `{}`; give it a `name`", entry.tool.spec.name);
                notices.push(notice(function, &reason));
            }
            first
        });
    }
}

enum Found {
    Builtin(Builtin),
    Source(Place, Option<&'static str>),
}

/// Where the function of `spec` is. A file of the user comes before what it is named for.
fn locate(spec: &FunctionSpec, roots: &[PathBuf]) -> Result<Found, String> {
    let function = spec.function.as_deref();
    let Some(path) = spec.path.as_deref() else {
        let name = function.unwrap_or_default();
        let Some(known) = find(name) else {
            return Err(format!("massgen has no function `{name}`; give the `path` of the file that it is in"));
        };
        return Ok(presence(known.presence, known.file));
    };
    if !is_file_name(path) {
        let dotted = path.replace('/', ".");
        let file = format!("{}.py", dotted.replace('.', "/"));
        let known = find_in_file(&file).find(|known| function.is_none_or(|name| known.name == name));
        return Ok(match known {
            Some(known) => presence(known.presence, known.file),
            None => Found::Source(Place::Module(dotted), None),
        });
    }
    if let Some(file) = existing(path, roots) {
        return Ok(Found::Source(Place::File(file), None));
    }
    let mut in_file = find_in_file(path).peekable();
    if in_file.peek().is_some() {
        let all: Vec<_> = in_file.collect();
        return match all.iter().find(|known| function.is_none_or(|name| known.name == name)) {
            Some(known) => Ok(presence(known.presence, known.file)),
            None => {
                let names: Vec<_> = all.iter().map(|known| known.name).collect();
                Err(format!("there is no such function in it (there are: {})", names.join(", ")))
            }
        };
    }
    if belongs_to_package(path) {
        return Ok(Found::Source(Place::Package(path.to_owned()), Some("no function of this file is")));
    }
    let looked: Vec<_> = roots.iter().map(|root| root.display().to_string()).collect();
    Err(format!("there is no such file; looked in {}", looked.join(", ")))
}

fn presence(presence: Presence, file: &str) -> Found {
    match presence {
        Presence::Built(builtin) => Found::Builtin(builtin),
        Presence::Missing(reason) => Found::Source(Place::Package(file.to_owned()), Some(reason)),
    }
}

fn is_file_name(path: &str) -> bool {
    Path::new(path).extension().is_some_and(|extension| extension == "py")
}

fn existing(path: &str, roots: &[PathBuf]) -> Option<PathBuf> {
    let places = roots.iter().map(|root| root.join(path));
    let found = places.chain([PathBuf::from(path)]).find(|place| place.is_absolute() && place.is_file())?;
    Some(found.canonicalize().unwrap_or(found))
}

fn notice(function: &FunctionSpec, reason: &str) -> String {
    format!("{} is not available: {reason}", function.label())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(entries: &Value, roots: &[PathBuf]) -> Plan {
        let specs: Vec<_> =
            entries.as_array().unwrap().iter().map(|entry| CustomToolSpec::from_value(entry).unwrap()).collect();
        Plan::new(&specs, roots, false)
    }

    #[test]
    fn functions_of_massgen_need_no_python_and_no_file() {
        let plan = plan(
            &json!([
                {"name": ["two_num_tool"], "path": "massgen/tool/_basic/_two_num_tool.py", "function": ["two_num_tool"]},
                {"name": "add", "function": "two_num_tool"},
                {"name": "again", "function": "two_num_tool", "path": "massgen.tool._basic._two_num_tool"},
                {"name": "x", "function": "two_num_tool", "preset_args": {"y": 3}},
            ]),
            &[],
        );
        assert_eq!(plan.notices, Vec::<String>::new());
        assert!(!plan.needs_sidecar());
        let tools = plan.without_sidecar().tools();
        let names: Vec<_> = tools.iter().map(|tool| tool.spec.name.as_str()).collect();
        assert_eq!(names, ["custom_tool__two_num_tool", "custom_tool__add", "custom_tool__again", "custom_tool__x"]);
        assert_eq!(tools[3].spec.parameters["required"], json!(["x"]));
    }

    #[test]
    fn what_is_wrong_is_told_and_costs_only_itself() {
        let plan = plan(
            &json!([
                {"name": "two_num_tool", "function": "wrong_two_num_tool"},
                {"function": "wrong_two_num_tool", "path": "massgen/tool/_basic/_two_num_tool.py"},
                {"function": "f", "path": "gone.py"},
                {"function": "two_num_tool", "preset_args": {"z": 1}},
                {"name": ["a", "b"], "function": ["two_num_tool", "f", "g"]},
                {"function": "two_num_tool"},
                {"function": "two_num_tool"},
            ]),
            &[PathBuf::from("/nowhere")],
        );
        assert_eq!(plan.notices.len(), 5, "{:#?}", plan.notices);
        assert!(plan.notices[2].contains("looked in /nowhere"), "{}", plan.notices[2]);
        let loaded = plan.without_sidecar();
        assert_eq!(loaded.tools().len(), 1);
        assert!(loaded.notices[0].contains("another tool is called"), "{:?}", loaded.notices);
    }

    #[test]
    fn files_of_the_user_come_before_what_they_are_named_for() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("massgen/tool/_basic/_two_num_tool.py");
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(&file, "").unwrap();
        let plan = plan(
            &json!([{"function": "two_num_tool", "path": "massgen/tool/_basic/_two_num_tool.py"}]),
            &[dir.path().to_path_buf()],
        );
        assert!(plan.needs_sidecar());
        assert_eq!(plan.sources[0].place, Place::File(file.canonicalize().unwrap()));
    }

    #[test]
    fn what_is_missing_says_what_would_serve() {
        let plan = plan(&json!([{"function": "crawl4ai_md", "path": "massgen/tool/_web_tools/crawl4ai_tool.py"}]), &[]);
        let notices = plan.notices_without_sidecar("no Python");
        assert!(notices[0].contains("Crawl4AI") && notices[0].contains("not part of"), "{notices:?}");
    }
}
