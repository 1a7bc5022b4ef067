//! Small numbers in decimal, without an allocation: for labels of metrics.

/// Every status of HTTP is below it, and so is every place of a site.
const END: usize = 600;

static DIGITS: [[u8; 3]; END] = {
    let mut digits = [[b'0'; 3]; END];
    let mut number = 0;
    while number < END {
        digits[number][0] += (number / 100) as u8;
        digits[number][1] += (number / 10 % 10) as u8;
        digits[number][2] += (number % 10) as u8;
        number += 1;
    }
    digits
};

/// A number below 600 in decimal.
pub(crate) fn decimal(number: u16) -> Option<&'static str> {
    let leading_zeros = match number {
        0..10 => 2,
        10..100 => 1,
        _ => 0,
    };
    core::str::from_utf8(&DIGITS.get(usize::from(number))?[leading_zeros..]).ok()
}

#[cfg(test)]
mod tests;
