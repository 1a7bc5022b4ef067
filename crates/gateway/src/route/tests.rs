use super::*;

#[derive(Clone, Copy, PartialEq, Debug)]
struct Named(&'static str, bool);

impl Slashes for Named {
    fn may_be_odd(&self) -> bool {
        self.1
    }
}

fn routes(paths: &[(&'static str, bool)]) -> Routes<Named> {
    let routes = paths.iter().map(|(path, odd)| (RoutePath::parse(path).unwrap(), Named(path, *odd)));
    Routes::new(routes.collect()).unwrap()
}

fn find(routes: &Routes<Named>, raw: &str) -> Result<&'static str, NoRoute> {
    routes.find(&Path::read(raw).unwrap()).map(|(_, named)| named.0)
}

#[test]
fn the_longest_one_is_taken_whatever_the_order() {
    let paths =
        [("/", false), ("/v1/", false), ("/v1/orders/", false), ("/v1/orders", false), ("/v1/exact", false)];
    let mut reversed = paths;
    reversed.reverse();
    for routes in [routes(&paths), routes(&reversed)] {
        for (raw, expected) in [
            ("/", "/"),
            ("/x", "/"),
            ("/v1/", "/v1/"),
            ("/v1/x", "/v1/"),
            ("/v1/orders", "/v1/orders"),
            ("/v1/orders/", "/v1/orders/"),
            ("/v1/orders/7", "/v1/orders/"),
            ("/v1/ordersx", "/v1/"),
            ("/v1/exact", "/v1/exact"),
            ("/v1/exact/x", "/v1/"),
            ("/%761/%6frders/7", "/v1/orders/"),
        ] {
            assert_eq!(find(&routes, raw), Ok(expected), "{raw}");
        }
    }
}

#[test]
fn where_no_route_leads_nothing_is_sent() {
    let routes = routes(&[("/v1/", false), ("/ping", false)]);
    for raw in ["/", "/v1", "/v2/x", "/ping/", "/pin", "/ping2"] {
        assert_eq!(find(&routes, raw), Err(NoRoute::Unknown), "{raw}");
    }
}

// G17
#[test]
fn no_spelling_reaches_the_upstream_by_a_shorter_route() {
    let routes = routes(&[("/", true), ("/admin/", false), ("/admin", false), ("/files/", true)]);
    for raw in [
        "/admin;x/users",
        "/admin%3bx/users",
        "/admin%2fusers",
        "/admin%252fusers",
        "/x%2f..%61",
        "/%61dmin;/users",
        "/%2561dmin/users",
        "/admin;v=1",
        "/admin//users",
        "/files//x;y/..z%2fadmin",
        "/;/admin/users",
    ] {
        let expected = find(&routes, raw);
        let known = expected == Err(NoRoute::Fault(PathFault::Ambiguous))
            || matches!(expected, Err(NoRoute::Fault(PathFault::Slash { .. })))
            || Path::read(raw)
                .unwrap()
                .readings()
                .all(|reading| routes.position(&reading).map(|at| routes.0[at].1.0) == expected.ok());
        assert!(known, "{raw}: {expected:?}");
    }
    for raw in ["/admin;x/users", "/admin%2fusers", "/%2561dmin/users", "/;/admin/users"] {
        assert_eq!(find(&routes, raw), Err(NoRoute::Fault(PathFault::Ambiguous)), "{raw}");
    }
    assert_eq!(find(&routes, "/%61dmin/users"), Ok("/admin/"));
    assert_eq!(find(&routes, "/files/a%2fb"), Ok("/files/"));
    assert_eq!(find(&routes, "/orders;v=1/x"), Ok("/"));
}

#[test]
fn what_there_is_and_what_is_wrong_can_be_told() {
    let routes = routes(&[("/v1/", false), ("/ping", false), ("/v1/orders/", false)]);
    let listed: Vec<_> = routes.iter().map(|(path, named)| (path.as_str(), named.0)).collect();
    assert_eq!(listed, [("/v1/orders/", "/v1/orders/"), ("/ping", "/ping"), ("/v1/", "/v1/")]);
    assert_eq!(RoutePath::parse("/v1/").unwrap().to_string(), "/v1/");
    let fault = PathFault::Dots { at: 1 };
    for (shown, expected) in [
        (RoutePathError::Path(fault).to_string(), fault.to_string()),
        (RoutePathError::Plain.to_string(), "the path of a route has no %, ;, ? or #".into()),
        (NoRoute::Fault(fault).to_string(), fault.to_string()),
        (NoRoute::Unknown.to_string(), "no route leads there".into()),
    ] {
        assert_eq!(shown, expected);
    }
}

#[test]
fn odd_slashes_pass_where_there_is_nothing_to_break_out_of() {
    let routes = routes(&[("/v1/", false), ("/v2/", true)]);
    for (raw, at) in [("/v1/a%2fb", 5), ("/v1/a//b", 5), ("/v1//", 3), ("/v1/a%252Fb", 5)] {
        assert_eq!(find(&routes, raw), Err(NoRoute::Fault(PathFault::Slash { at })), "{raw}");
        assert_eq!(find(&routes, &raw.replace("v1", "v2")), Ok("/v2/"), "{raw}");
    }
}

#[test]
fn the_path_of_a_route_is_written_plainly_and_once() {
    for bad in ["", "v1/", "//", "/a//", "/a/../", "/a%2f", "/a;x", "/a?x", "/a b", "/caf\u{e9}"] {
        assert!(RoutePath::parse(bad).is_err(), "{bad}");
    }
    let twice = ["/a/", "/b", "/a/"].map(|path| (RoutePath::parse(path).unwrap(), Named(path, false)));
    assert_eq!(Routes::new(twice.to_vec()).unwrap_err(), RoutePath::parse("/a/").unwrap());
}

#[test]
fn a_path_that_some_servers_read_as_one_of_a_stricter_route_is_refused() {
    let routes = routes(&["/", "/admin/", "/exact", "/both", "/both/"].map(|path| (path, false)));
    let found = |path: &str| find(&routes, path);
    for path in ["/ADMIN/x", "/Admin/", "/admin", "/Admin", "/EXACT", "/exact/", "/%41DMIN/x", "/BOTH"] {
        assert_eq!(found(path), Err(NoRoute::Fault(PathFault::Ambiguous)), "{path}");
    }
    for (path, expected) in [
        ("/admin/x", "/admin/"),
        ("/exact", "/exact"),
        ("/both", "/both"),
        ("/both/", "/both/"),
        ("/administrator", "/"),
        ("/x/ADMIN/", "/"),
        ("/exactly", "/"),
    ] {
        assert_eq!(found(path), Ok(expected), "{path}");
    }
}
