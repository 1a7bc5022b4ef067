use crate::{Endpoint, Fault, Server, Times};

#[test]
fn debug_of_a_handle_says_what_it_is() {
    let server = Server::start().unwrap();
    let fault = server.fault(Endpoint::Token, Fault::Hang, Times::Once);
    assert_eq!(format!("{fault:?}"), "FaultHandle { id: 1, .. }");
    assert_eq!(format!("{:?}", server.hold(Endpoint::Token)), "Gate { held: 0, .. }");
}
