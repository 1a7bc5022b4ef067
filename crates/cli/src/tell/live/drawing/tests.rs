use super::*;

/// A terminal, and what is drawn on it.
struct Screen {
    drawing: Drawing<Vec<u8>>,
    parser: vt100::Parser,
    size: Size,
}

impl Screen {
    fn of(columns: usize, rows: usize) -> Self {
        let size = Size { columns, rows };
        let parser = vt100::Parser::new(rows as u16, columns as u16, 0);
        Self { drawing: Drawing::on(Vec::new()), parser, size }
    }

    fn resize(&mut self, columns: usize) {
        self.size.columns = columns;
        self.parser.screen_mut().set_size(self.size.rows as u16, columns as u16);
    }

    fn say(&mut self, text: &str) -> &mut Self {
        self.drawing.say(text, self.size);
        self
    }

    fn show(&mut self, view: &str) -> &mut Self {
        self.drawing.show(view, self.size);
        self
    }

    /// Its rows, as a terminal in its usual mode has them.
    #[track_caller]
    fn has(&mut self, rows: &[&str]) {
        let written = String::from_utf8_lossy(&std::mem::take(&mut self.drawing.out)).into_owned();
        self.parser.process(written.replace('\n', "\r\n").as_bytes());
        assert_eq!(self.parser.screen().contents().trim_end(), rows.join("\n"));
    }
}

#[test]
fn the_view_is_drawn_in_its_place_and_what_is_said_stays_above_it() {
    let mut screen = Screen::of(20, 10);
    screen.say("first").show("a 1\nb 1\nc 1").has(&["first", "a 1", "b 1", "c 1"]);
    screen.show("a 2").has(&["first", "a 2"]);
    screen.say("second\nand more").has(&["first", "second", "and more", "a 2"]);
    screen.show("a 3\nb 3").has(&["first", "second", "and more", "a 3", "b 3"]);
    screen.show("").has(&["first", "second", "and more"]);
}

#[test]
fn a_terminal_of_another_width_keeps_what_was_said_and_has_one_view() {
    let mut screen = Screen::of(40, 20);
    screen.say("first").show("a wide line of the view\nand another").say("second");
    screen.has(&["first", "second", "a wide line of the view", "and another"]);
    screen.resize(12);
    screen.show("a wide line\nof the view\nand another").say("third");
    screen.has(&["first", "second", "third", "a wide line", "of the view", "and another"]);
    screen.resize(40);
    screen.show("a wide line of the view\nand another").say("fourth");
    screen.has(&["first", "second", "third", "fourth", "a wide line of the view", "and another"]);
}

#[test]
fn a_word_that_is_longer_than_a_row_leaves_nothing_behind() {
    let mut screen = Screen::of(8, 10);
    for view in ["0123456789abcdef01\nx", "0123456789abcdef02\ny", "\u{1b}[1m01234567\u{1b}[0m\nz"] {
        screen.show(view);
    }
    screen.has(&["01234567", "z"]);
}

#[test]
fn a_view_is_not_higher_than_the_terminal() {
    let mut screen = Screen::of(20, 3);
    screen.say("said");
    for round in 0..3 {
        screen.show(&format!("a {round}\nb\nc\nd"));
    }
    screen.has(&["a 2", "b", "c"]);
}

#[test]
fn what_has_not_changed_is_not_written_again() {
    let mut screen = Screen::of(20, 10);
    screen.show("a").has(&["a"]);
    screen.show("a");
    assert!(screen.drawing.out.is_empty());
}
