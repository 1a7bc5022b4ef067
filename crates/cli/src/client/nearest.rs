//! The word that was probably meant.

/// The one of these that is spelt most like `word`; one that contains it, or is contained in it, before all others. `None` if
/// none is near: more than a third of the letters would be others.
pub(crate) fn nearest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    let plain = |word: &str| word.to_lowercase().replace('-', "_");
    let word = plain(word);
    let judged = known.iter().filter_map(|name| {
        let plain = plain(name);
        let distance = strsim::osa_distance(&word, &plain);
        let within = word.len() > 2 && plain.len() > 2 && (plain.contains(&word) || word.contains(&plain));
        let is_near = within || distance * 3 <= word.chars().count().max(plain.chars().count());
        is_near.then_some(((!within, distance), *name))
    });
    judged.min_by_key(|(rank, _)| *rank).map(|(_, name)| name)
}

#[cfg(test)]
mod tests;
