//! Paths, and the routes that they lead to.

use crate::{same, vector};
use evergrant_gateway::{NoRoute, Path, RoutePath, Routes, Slashes};
use serde::Deserialize;

vector! {
    /// The path of a request.
    Read {
        path: String,
        expect: ReadAs,
    }
}

vector! {
    /// The path of a request, and the routes that there are.
    Led {
        routes: Vec<Listed>,
        path: String,
        expect: LedTo,
    }
}

#[derive(Deserialize)]
#[serde(untagged, deny_unknown_fields)]
enum ReadAs {
    Refused { fault: String, at: usize },
    Passes { plain: String, slash_at: Option<usize> },
}

#[derive(Clone, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
enum Listed {
    Plain(String),
    Slashed { path: String, encoded_slash: bool },
}

#[derive(Deserialize)]
#[serde(untagged, deny_unknown_fields)]
enum LedTo {
    Route { route: String },
    NotARoute { not_a_route: String },
    Twice { twice: String },
    Nowhere { status: u16, rule: String, fault: Option<String>, at: Option<usize> },
}

struct Route(bool);

impl Slashes for Route {
    fn may_be_odd(&self) -> bool {
        self.0
    }
}

impl Listed {
    fn path(&self) -> &str {
        match self {
            Self::Plain(path) | Self::Slashed { path, .. } => path,
        }
    }

    const fn may_be_odd(&self) -> bool {
        matches!(self, Self::Slashed { encoded_slash: true, .. })
    }
}

pub(crate) fn read(vector: &Read) -> Result<(), String> {
    match (Path::read(&vector.path), &vector.expect) {
        (Ok(path), ReadAs::Passes { plain, slash_at }) => {
            same(&(path.as_str(), path.plain()), &(vector.path.as_str(), plain.as_str()))?;
            same(&path.has_odd_slashes(), &slash_at.is_some())?;
            // Where the slash is, a route that lets none pass says.
            let routes = Routes::new(vec![(RoutePath::parse("/").unwrap(), Route(false))]).unwrap();
            let at = match routes.find(&path) {
                Err(NoRoute::Fault(fault)) => fault.at(),
                _ => None,
            };
            same(&at, slash_at)
        }
        (Err(actual), ReadAs::Refused { fault, at }) => {
            same(&(actual.as_str(), actual.at()), &(fault.as_str(), Some(*at)))
        }
        (actual, _) => Err(format!("{actual:?}")),
    }
}

pub(crate) fn route(vector: &Led) -> Result<(), String> {
    let parsed: Result<Vec<_>, String> = vector
        .routes
        .iter()
        .map(|route| match RoutePath::parse(route.path()) {
            Ok(path) => Ok((path, Route(route.may_be_odd()))),
            Err(_) => Err(route.path().to_owned()),
        })
        .collect();
    let parsed = match (parsed, &vector.expect) {
        (Ok(parsed), _) => parsed,
        (Err(path), LedTo::NotARoute { not_a_route }) => return same(&path, not_a_route),
        (Err(path), _) => return Err(format!("{path} is no path of a route")),
    };
    let routes = match (Routes::new(parsed), &vector.expect) {
        (Ok(routes), _) => routes,
        (Err(path), LedTo::Twice { twice }) => return same(&path.as_str(), &twice.as_str()),
        (Err(path), _) => return Err(format!("{path} is repeated")),
    };
    let path = Path::read(&vector.path).map_err(|fault| fault.to_string())?;
    match (routes.find(&path), &vector.expect) {
        (Ok((found, _)), LedTo::Route { route }) => same(&found.as_str(), &route.as_str()),
        (Err(reason), LedTo::Nowhere { status, rule, fault, at }) => {
            let actual = match reason {
                NoRoute::Fault(fault) => (Some(fault.as_str()), fault.at()),
                _ => (None, None),
            };
            same(&(reason.status().as_u16(), reason.as_str()), &(*status, rule.as_str()))?;
            same(&actual, &(fault.as_deref(), *at))
        }
        (Ok((found, _)), _) => Err(format!("it leads to {found}")),
        (Err(reason), _) => Err(reason.to_string()),
    }
}
