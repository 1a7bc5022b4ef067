use super::Element;
use quick_xml::events::Event;

#[test]
fn whatever_is_written_is_read_back_as_it_was() {
    let foreign = "</text><script>alert(\"1\" & '2')</script>]]>";
    let element = Element::new("g").with("id", foreign).child(Element::new("text").text(foreign));
    let text = element.to_string();
    let mut reader = quick_xml::Reader::from_str(&text);
    let (mut names, mut words) = (Vec::new(), String::new());
    loop {
        match reader.read_event().unwrap() {
            Event::Start(start) => {
                names.push(String::from_utf8(start.name().as_ref().to_vec()).unwrap());
                for attribute in start.attributes() {
                    let value =
                        attribute.unwrap().normalized_value(quick_xml::XmlVersion::Explicit1_0).unwrap();
                    assert_eq!(value, foreign);
                }
            }
            Event::Text(part) => words.push_str(&part.decode().unwrap()),
            Event::GeneralRef(name) => {
                let name = name.decode().unwrap();
                words.push_str(quick_xml::escape::resolve_predefined_entity(&name).unwrap());
            }
            Event::Eof => break,
            _ => {}
        }
    }
    assert_eq!(names, ["g", "text"]);
    assert_eq!(words.trim(), foreign);
}

#[test]
fn what_xml_has_no_place_for_is_replaced() {
    let element = Element::new("text").with("id", "a\0b").text("c\u{1b}[31md\ne\u{ffff}");
    assert_eq!(element.to_string(), "<text id=\"a\u{fffd}b\">c\u{fffd}[31md\ne\u{fffd}</text>");
}

#[test]
fn places_are_short() {
    let element = Element::new("rect").at("x", 12.0).at("y", 0.049_9).at("width", -0.01).at("height", 2.251);
    assert_eq!(element.to_string(), "<rect x=\"12\" y=\"0\" width=\"0\" height=\"2.3\"/>");
}
