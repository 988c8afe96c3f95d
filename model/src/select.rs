//! Choosing a few passages that matter and do not repeat each other.

/// Takes up to `wanted` of `scores.len()` candidates, best first: each step takes the one with the highest score after `penalty`
/// (how much it repeats, given two indices) times the worst repetition of what is taken already. Candidates at or below `floor` are
/// never taken. Equal scores go to the earlier candidate, so the choice is the same each time.
pub(crate) fn take(
    scores: &[f32],
    wanted: usize,
    floor: f32,
    penalty: impl Fn(usize, usize) -> f32,
) -> Vec<usize> {
    let mut taken = Vec::with_capacity(wanted.min(scores.len()));
    let mut left: Vec<(usize, f32, f32)> = scores
        .iter()
        .copied()
        .enumerate()
        .filter(|candidate| candidate.1 > floor)
        .map(|(index, score)| (index, score, 0.0))
        .collect();
    while taken.len() < wanted {
        let best = left.iter().enumerate().fold(
            None::<(usize, f32)>,
            |best, (place, &(_, score, repeats))| {
                let value = score - repeats;
                match best {
                    Some((_, highest)) if highest >= value => best,
                    _ => Some((place, value)),
                }
            },
        );
        let Some((place, _)) = best else { break };
        let (index, _, _) = left.remove(place);
        taken.push(index);
        for (other, _, repeats) in &mut left {
            *repeats = repeats.max(penalty(*other, index));
        }
    }
    taken
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_repeats_is_passed_over() {
        let same = |one: usize, other: usize| if one / 2 == other / 2 { 10.0 } else { 0.0 };
        assert_eq!(take(&[5.0, 4.9, 3.0, 2.0, 0.0], 3, 0.5, same), [0, 2, 1]);
        assert_eq!(take(&[1.0, 1.0], 1, 0.0, |_, _| 0.0), [0]);
        assert!(take(&[0.1, f32::NAN], 2, 0.5, |_, _| 0.0).is_empty());
    }
}
