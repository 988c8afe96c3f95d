//! A20: signatures of the log.

use super::*;

#[test]
fn a20_a_false_signature_of_the_log_is_refused() {
    refuses(&["log.checkpoint.signature"], |scene| {
        scene.lines = Box::new(|lines| lines[0].signature[9] ^= 1);
    });
    refuses(&["log.checkpoint.signature"], |scene| {
        scene.lines = Box::new(|lines| drop(lines.remove(0)));
    });
    // A good one beside a false or a second one.
    refuses(&["log.checkpoint.signature"], |scene| {
        scene.lines = Box::new(|lines| {
            let mut second = lines[0].clone();
            second.signature[63] ^= 1;
            lines.push(second);
        });
    });
    refuses(&["log.checkpoint.signature"], |scene| {
        scene.lines = Box::new(|lines| lines.push(lines[0].clone()));
    });
    // Another key in the name of the log has another id, and is ignored: then nothing of the log is there.
    refuses(&["log.checkpoint.signature"], |scene| {
        scene.log = Key::new("log.example/one", Algorithm::Ed25519, 99);
    });
}

#[test]
fn a20_a_false_signature_condemns_the_note_beside_a_good_one() {
    // The log changes its key: the policy knows both, and the checkpoint has both signatures.
    let two_keys = |false_one: bool| {
        move |scene: &mut Scene| {
            let second = Key::new("log.example/one", Algorithm::Ed25519, 55);
            let line = format!(
                "\"{}\", source = \"test\", date = \"2026-11-23\" }}",
                second.public
            );
            scene.policy =
                scene
                    .policy
                    .replacen("logs = [", &format!("logs = [{{ value = {line}, "), 1);
            scene.lines = Box::new(move |lines| {
                let other = Scene::default().file();
                let text = Proof::parse(&other).unwrap().checkpoint;
                let mut line = second.sign(Note::parse(&text).unwrap().text);
                line.signature[0] ^= u8::from(false_one);
                lines.push(line);
            });
        }
    };
    accepts(two_keys(false));
    refuses(&["log.checkpoint.signature"], two_keys(true));
}

#[test]
fn a20_another_key_with_the_id_of_the_log_is_refused() {
    refuses(&["log.checkpoint.signature"], |scene| {
        let id = scene.log.public.id();
        scene.log = Key::new("log.example/one", Algorithm::Ed25519, 99);
        scene.lines = Box::new(move |lines| lines[0].key_id = id);
    });
}

#[test]
fn a20_a_false_cosignature_is_refused_although_there_are_enough() {
    refuses(&["log.witness.signatures"], |scene| {
        let third = Key::new("w3.example", Algorithm::Cosignature, 9);
        scene.witnesses.push((third, NOW - 60));
        scene.lines = Box::new(|lines| lines[3].signature[20] ^= 1);
    });
    // The time is signed.
    refuses(
        &[
            "log.witness.signatures",
            "log.witness.quorum",
            "log.witness.age",
        ],
        |scene| scene.lines = Box::new(|lines| lines[1].signature[7] ^= 1),
    );
}

#[test]
fn a20_a_cosignature_is_no_signature_of_the_log() {
    // The log's own key as a cosigner, and a witness that signs like a log: each is another key.
    refuses(
        &[
            "log.witness.signatures",
            "log.witness.quorum",
            "log.witness.age",
        ],
        |scene| {
            scene.lines = Box::new(|lines| drop(lines[1].signature.drain(..8)));
        },
    );
}

#[test]
fn checkpoints_with_extensions_are_refused() {
    let scene = Scene {
        proof: Box::new(|proof| {
            let note = String::from_utf8(proof.checkpoint.clone()).unwrap();
            proof.checkpoint = note.replacen("\n\n", "\nextension\n\n", 1).into_bytes();
        }),
        ..Scene::default()
    };
    let rules = scene.judge().verdict.unwrap_err().rules;
    assert_eq!(rules[0], "log.checkpoint.format");
}
