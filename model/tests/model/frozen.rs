//! How much is found on the frozen threads. Nothing was tuned on them; the README beside them says who wrote them.

use crate::{
    inputs,
    scoring::{self, mean},
};
use cloister_model::Highlights;

#[test]
fn ours_beats_every_baseline_on_the_frozen_threads() {
    let cases = scoring::cases(&inputs::crate_dir().join("../tests/threads"));
    assert!(cases.len() >= 40, "{} threads", cases.len());
    let rules = Highlights::rules_only();
    let (ours, bare): (Vec<f64>, Vec<f64>) = cases
        .iter()
        .map(|case| {
            (
                case.recall(&case.chosen(inputs::engine())),
                case.recall(&case.chosen(&rules)),
            )
        })
        .unzip();
    let baselines: Vec<Vec<(&str, f64)>> = cases.iter().map(scoring::baselines).collect();
    for (place, (name, _)) in baselines[0].iter().enumerate() {
        for (title, found) in [("ours", &ours), ("rules only", &bare)] {
            let ahead: Vec<f64> = found
                .iter()
                .zip(&baselines)
                .map(|(ours, row)| ours - row[place].1)
                .collect();
            let (lead, half) = mean(&ahead);
            println!(
                "{title} ahead of {name} by {lead:.3}, 95 % interval {:.3} to {:.3}",
                lead - half,
                lead + half
            );
            assert!(
                lead - half > 0.0,
                "{title} is not surely ahead of {name}: {lead} +- {half}"
            );
        }
    }
    let added: Vec<f64> = ours
        .iter()
        .zip(&bare)
        .map(|(ours, bare)| ours - bare)
        .collect();
    let (lead, half) = mean(&added);
    assert!(
        lead - half > 0.0,
        "embeddings add {lead} +- {half}: not worth their 90 MB"
    );
    // First measured when the rules were finished, before anything was known of these threads: 0.509 and 0.456.
    assert!(mean(&ours).0 >= 0.49, "{}", mean(&ours).0);
    assert!(mean(&bare).0 >= 0.44, "{}", mean(&bare).0);
}
