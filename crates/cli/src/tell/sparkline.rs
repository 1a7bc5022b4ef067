//! Figures as a line of small columns.

/// Each figure as one character, from nothing to the highest of them.
pub(crate) fn sparkline(figures: &[u64], unicode: bool) -> String {
    let heights: &[char] = if unicode {
        &[' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█']
    } else {
        &[' ', '.', ':', '-', '=', '+', '*', '#']
    };
    let highest = figures.iter().copied().max().unwrap_or_default();
    let steps = heights.len() as u128 - 1;
    // What is there shows: only nothing is a gap.
    let height = |figure: &u64| match highest {
        0 => 0,
        highest => (u128::from(*figure) * steps).div_ceil(u128::from(highest)),
    };
    figures.iter().filter_map(|figure| heights.get(usize::try_from(height(figure)).ok()?)).collect()
}

#[cfg(test)]
mod tests;
