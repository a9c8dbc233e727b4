//! Figures above a list, and bars: lengths beside the numbers that they stand for.

use crate::ui::components::Tile;

/// What stands above a list.
#[derive(Default)]
pub(crate) struct Figures {
    pub(crate) tiles: Vec<Tile>,
    pub(crate) bars: Vec<Bars>,
    /// Whether there were more rows than were counted.
    pub(crate) cut: bool,
}

/// Bars of one scale.
pub(crate) struct Bars {
    pub(crate) title: &'static str,
    pub(crate) bars: Vec<Bar>,
}

/// A bar with its number.
pub(crate) struct Bar {
    label: String,
    /// A class of the stylesheet.
    tone: &'static str,
    number: String,
    below: String,
    /// Of a hundred.
    length: String,
    size: f64,
}

impl Bar {
    /// A bar of that size; one below zero has the length of its amount and another tone.
    pub(crate) fn new(label: impl Into<String>, size: f64, number: String) -> Self {
        let tone = if size < 0.0 { "bad" } else { "" };
        Self { label: label.into(), tone, number, below: String::new(), length: String::new(), size }
    }

    /// The same in a tone.
    pub(crate) fn toned(self, tone: &'static str) -> Self {
        Self { tone, ..self }
    }

    /// The same with more to say.
    pub(crate) fn with_subtitle(self, below: String) -> Self {
        Self { below, ..self }
    }

    pub(crate) fn label(&self) -> &str {
        &self.label
    }

    pub(crate) const fn tone(&self) -> &'static str {
        self.tone
    }

    pub(crate) fn number(&self) -> &str {
        &self.number
    }

    pub(crate) fn below(&self) -> &str {
        &self.below
    }

    pub(crate) fn length(&self) -> &str {
        &self.length
    }
}

impl Bars {
    /// Bars, the longest of which fills its place.
    pub(crate) fn new(title: &'static str, mut bars: Vec<Bar>) -> Self {
        let longest = bars.iter().map(|bar| bar.size.abs()).filter(|size| size.is_finite()).fold(0.0, f64::max);
        for bar in &mut bars {
            let share = if longest > 0.0 && bar.size.is_finite() { bar.size.abs() / longest } else { 0.0 };
            bar.length = format!("{:.1}", share * 100.0);
        }
        Self { title, bars }
    }
}

/// The mean of what is known, if anything is.
pub(crate) fn mean(numbers: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, count) = numbers.fold((0.0, 0_u32), |(sum, count), number| (sum + number, count + 1));
    (count > 0).then(|| sum / f64::from(count))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_bar_fills_its_place() {
        let bars = Bars::new("b", [5.0, -10.0, 0.0, f64::NAN].map(|size| Bar::new("", size, String::new())).into());
        let lengths: Vec<_> = bars.bars.iter().map(|bar| (bar.length(), bar.tone())).collect();
        assert_eq!(lengths, [("50.0", ""), ("100.0", "bad"), ("0.0", ""), ("0.0", "")]);
        assert_eq!(Bars::new("none", vec![Bar::new("", 0.0, String::new())]).bars[0].length(), "0.0");
    }

    #[test]
    fn the_mean_of_nothing_is_not_known() {
        assert_eq!((mean([].into_iter()), mean([1.0, 2.0].into_iter())), (None, Some(1.5)));
    }
}
