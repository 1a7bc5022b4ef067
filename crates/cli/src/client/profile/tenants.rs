//! The client of a tenant out of a file of its own, `NAME.toml` in the folder `tenants` beside the file, which has the keys of a profile.

use super::file;
use super::problem::About;
use super::reader::Reader;
use super::{Profile, tenant};
use crate::tell::failure::Failure;
use std::path::Path;

/// The client of a tenant, out of a file of its own.
pub(crate) struct File {
    pub(crate) profile: Profile,
    /// What is wrong with its lines.
    pub(crate) faults: Vec<Failure>,
}

impl File {
    /// What the file of this tenant says.
    pub(crate) fn read(path: &Path, name: &str) -> Result<Self, Failure> {
        let text = file::text(path)?;
        let mut reader = Reader::new(&text);
        reader.enter(About::Tenant(name.to_owned()));
        let table = reader.document();
        let profile = tenant(&mut reader, table, path.parent().unwrap_or(Path::new("")));
        let fault = |line: usize, happened: &str, next: &str| {
            Failure::usage(format!("{}:{line}: {happened}", path.display()), next)
        };
        let problems = reader.problems();
        let faults = problems.iter().map(|problem| fault(problem.line, &problem.happened, &problem.next));
        Ok(Self { faults: faults.collect(), profile })
    }
}
