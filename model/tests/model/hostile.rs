//! Input that nobody means well with: it gets an honest answer, in bounded time.

use crate::inputs;
use cloister_model::{
    Cancel, HIGHLIGHT_BYTES, Highlights, Style, SummariseError, Summariser, Summary, Thread, Wish,
};
use std::time::{Duration, Instant};

fn ask<'t>(texts: impl IntoIterator<Item = &'t str>, wanted: u8) -> Summary<'t> {
    let thread = Thread::from_messages(texts.into_iter().map(|text| ("Ann", "", text))).unwrap();
    summary(inputs::engine(), &thread, wanted)
}

fn summary<'t>(engine: &dyn Summariser, thread: &Thread<'t>, wanted: u8) -> Summary<'t> {
    let summary = engine
        .summarise(
            thread,
            &Wish::new(wanted, Style::Bullets).unwrap(),
            &Cancel::never(),
        )
        .unwrap();
    check(thread, &summary, wanted);
    summary
}

/// What holds for every summary of every thread.
fn check(thread: &Thread<'_>, summary: &Summary<'_>, wanted: u8) {
    assert!(summary.highlights.len() <= usize::from(wanted));
    assert!(
        summary
            .highlights
            .windows(2)
            .all(|pair| pair[0].id < pair[1].id)
    );
    for highlight in &summary.highlights {
        let message = thread.messages()[highlight.id as usize - 1];
        let inside = message.text.as_bytes().as_ptr_range();
        let quoted = highlight.text.as_bytes().as_ptr_range();
        assert!(
            inside.start <= quoted.start && quoted.end <= inside.end,
            "not a slice of its message"
        );
        assert!(!highlight.text.is_empty() && highlight.text.len() <= HIGHLIGHT_BYTES);
        assert_eq!(highlight.text, highlight.text.trim());
        assert_eq!(
            highlight.clipped,
            highlight.text.len() < message.text.trim().len()
        );
        assert_eq!(
            (highlight.author, highlight.time),
            (message.author, message.time)
        );
        assert!(highlight.score.is_finite());
    }
}

#[test]
fn a_thread_that_says_nothing_has_an_empty_summary() {
    assert!(ask([], 5).highlights.is_empty());
    assert!(ask([""], 5).highlights.is_empty());
    assert!(
        ask(
            [
                "",
                " ",
                "\u{1f600}\u{1f602}",
                "...",
                "\u{0}\u{7}\u{1b}",
                "\u{200b}\u{feff}"
            ],
            5
        )
        .highlights
        .is_empty()
    );
    assert!(
        ask(
            [
                "hi",
                "haha",
                "lol",
                "thanks!",
                "ok",
                "good morning",
                "yes",
                "\u{1f44d}"
            ],
            3
        )
        .highlights
        .is_empty()
    );
}

#[test]
fn a_short_thread_is_quoted_without_its_noise() {
    let chosen = ask(
        [
            "hi all",
            "We meet on Friday at nine in front of the station.",
            "\u{1f44d}",
            "I will bring the tickets.",
            "ok",
        ],
        5,
    );
    assert_eq!(
        chosen
            .highlights
            .iter()
            .map(|highlight| highlight.id)
            .collect::<Vec<_>>(),
        [2, 4]
    );
}

#[test]
fn a_huge_message_is_quoted_where_it_matters() {
    let filler = "I walked along the river and thought about nothing in particular while the clouds went by. ".repeat(600);
    let text =
        format!("{filler}We decided that the rent goes up to 940 euros on 1 March. {filler}");
    assert!(text.len() > 100_000);
    let chosen = ask(["hello", &text, "bye"], 3);
    let quoted = chosen
        .highlights
        .iter()
        .find(|highlight| highlight.id == 2)
        .unwrap();
    assert!(quoted.clipped && quoted.text.contains("940 euros"));
    for unbroken in [
        "x".repeat(100_000),
        "\u{4e00}".repeat(40_000),
        "9".repeat(100_000),
        "\u{1f600}a".repeat(20_000),
        "\n".repeat(100_000),
    ] {
        ask(["one", &unbroken, "two", "three"], 2);
    }
}

#[test]
fn control_characters_stay_inside_the_quotation() {
    let chosen = ask(
        [
            "\u{1b}[31mWe decided to pay 40 euros on Friday\u{7}\r\n\u{202e}evil",
            "ok",
            "fine",
            "haha",
        ],
        1,
    );
    assert_eq!(chosen.highlights.len(), 1);
    let mut rendered = String::new();
    chosen.render(Style::Bullets, &mut rendered).unwrap();
    assert_eq!(rendered.lines().count(), 1);
    assert!(!rendered.contains(char::is_control));
}

#[test]
fn other_scripts_are_read() {
    let threads: [(&[&str], u32); 5] = [
        (
            &[
                "早上好",
                "哈哈",
                "我们决定周五九点在车站集合",
                "好的",
                "谢谢",
                "晚安",
            ],
            3,
        ),
        (
            &[
                "おはよう",
                "笑笑",
                "ありがとう",
                "会議は金曜日の10時に変更になりました",
                "了解",
            ],
            4,
        ),
        (
            &[
                "всем привет",
                "ахаха",
                "решили ехать в субботу в 8 утра",
                "спасибо",
                "ок",
            ],
            3,
        ),
        (
            &[
                "صباح الخير",
                "ههههه",
                "قررنا أن الاجتماع يوم الخميس الساعة 5",
                "شكرا",
                "تمام",
            ],
            3,
        ),
        (
            &[
                "γεια",
                "χαχα",
                "Συναντιόμαστε το Σάββατο στις 9:30, κοστίζει 20 ευρώ",
                "ναι",
                "οκ",
            ],
            3,
        ),
    ];
    for (texts, expected) in threads {
        let chosen = ask(texts.iter().copied(), 1);
        assert_eq!(
            chosen.highlights.first().map(|highlight| highlight.id),
            Some(expected),
            "{texts:?}"
        );
    }
}

#[test]
fn five_thousand_messages_take_bounded_time() {
    let lines: Vec<String> = (0..5000)
        .map(|index| match index % 5 {
            0 => format!("haha {index} that was number {index} lol"),
            1 => {
                format!("we decided on option {index}, it costs {index} euros and is due on Friday")
            }
            2 => format!("does anybody know where box {index} is?"),
            3 => format!("I will bring item {index} and {} more of them", index * 7),
            _ => format!(
                "some words about topic {} and topic {}",
                index * 13 % 97,
                index * 31 % 89
            ),
        })
        .collect();
    let started = Instant::now();
    let chosen = ask(lines.iter().map(String::as_str), 20);
    assert_eq!(chosen.highlights.len(), 20);
    // A fraction of a second on an idle machine; this bound only has to notice something quadratic.
    assert!(
        started.elapsed() < Duration::from_secs(60),
        "{:?}",
        started.elapsed()
    );
}

#[test]
fn time_is_over_when_it_is_over() {
    let thread = Thread::from_messages([("a", "", "We meet on Friday at nine.")]).unwrap();
    let wish = Wish::new(1, Style::Bullets).unwrap();
    let late = inputs::engine().summarise(&thread, &wish, &Cancel::at(Instant::now()));
    assert_eq!(late.err(), Some(SummariseError::TooLate));
}

#[test]
fn plain_text_is_quoted_by_the_sentence() {
    let text = "The committee met for three hours on Tuesday. Coffee was served. It decided to close the old bridge on 4 May. \
                The weather was fine. Repairs will cost 2.3 million euros. Somebody sneezed. Everyone went home.";
    let thread = Thread::from_plain(text);
    for engine in [
        inputs::engine() as &dyn Summariser,
        &Highlights::rules_only(),
    ] {
        let chosen = summary(engine, &thread, 3);
        let quoted: Vec<&str> = chosen
            .highlights
            .iter()
            .map(|highlight| highlight.text)
            .collect();
        assert!(
            quoted.contains(&"It decided to close the old bridge on 4 May."),
            "{quoted:?}"
        );
        assert!(
            quoted.contains(&"Repairs will cost 2.3 million euros."),
            "{quoted:?}"
        );
    }
    for noise in ["", "\n\n", "?!", "\u{1f600}"] {
        assert!(
            summary(inputs::engine(), &Thread::from_plain(noise), 5)
                .highlights
                .is_empty()
        );
    }
    let long = "One more sentence about the same old thing, number seven. ".repeat(20_000);
    summary(inputs::engine(), &Thread::from_plain(&long), 5);
}
