//! What is listed: the libraries that the workspace publishes.

#[cfg(test)]
mod tests;

use serde_json::Value;
use std::path::{Path, PathBuf};

/// A library of a package that is published.
#[derive(Debug, PartialEq)]
pub struct Library {
    pub package: String,
    pub name: String,
    /// As cargo takes them for several packages at once: `package/feature`.
    pub features: Vec<String>,
    /// `API.txt`, beside the package's manifest.
    pub listing: PathBuf,
}

/// Reads the output of `cargo metadata --no-deps`.
pub fn published(metadata: &str) -> serde_json::Result<Vec<Library>> {
    let metadata: Value = serde_json::from_str(metadata)?;
    let root = Path::new(text(&metadata["workspace_root"]));
    let packages =
        items(&metadata["packages"]).iter().filter(|package| package["publish"] != Value::Array(Vec::new()));
    Ok(packages.filter_map(|package| library(package, root)).collect())
}

fn library(package: &Value, root: &Path) -> Option<Library> {
    let target = items(&package["targets"])
        .iter()
        .find(|target| items(&target["kind"]).iter().any(|kind| kind == "lib"))?;
    let manifest = Path::new(text(&package["manifest_path"]));
    let listing = manifest.strip_prefix(root).unwrap_or(manifest).with_file_name("API.txt");
    let package_name = text(&package["name"]);
    let features = features(package).into_iter().map(|feature| format!("{package_name}/{feature}")).collect();
    Some(Library { package: package_name.into(), name: text(&target["name"]).into(), features, listing })
}

/// The features that docs.rs would turn on, `default` by its name.
fn features(package: &Value) -> Vec<&str> {
    let declared = package["features"].as_object();
    let settings = &package["metadata"]["docs"]["rs"];
    if settings["all-features"] == true {
        return declared.into_iter().flatten().map(|(name, _)| name.as_str()).collect();
    }
    let default = declared.is_some_and(|declared| declared.contains_key("default"))
        && settings["no-default-features"] != true;
    let named = items(&settings["features"]).iter().map(text);
    default.then_some("default").into_iter().chain(named).collect()
}

fn items(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
