//! The theme is small, and read by everyone: WCAG 2.1, 1.4.3 and 1.4.11, in both modes.

use std::collections::BTreeMap;

const THEME: &str = include_str!("../../../../templates/assets/theme.css");

/// The custom properties that are colours, in light or in dark.
fn colours(dark: bool) -> BTreeMap<&'static str, [f64; 3]> {
    let (light_part, dark_part) = THEME.split_once("(prefers-color-scheme: dark)").unwrap();
    let mut parts = vec![light_part];
    if dark {
        parts.push(dark_part.split_once("\n}").unwrap().0);
    }
    parts
        .into_iter()
        .flat_map(str::lines)
        .filter_map(|line| {
            let (name, value) = line.trim().strip_prefix("--")?.split_once(": #")?;
            let value = u32::from_str_radix(value.strip_suffix(';')?, 16).ok()?;
            let part = |shift: u32| f64::from((value >> shift) & 0xff) / 255.0;
            Some((name, [part(16), part(8), part(0)]))
        })
        .collect()
}

/// WCAG 2.1, relative luminance.
fn luminance(colour: [f64; 3]) -> f64 {
    let [r, g, b] = colour.map(|part| {
        if part <= 0.040_45 {
            part / 12.92
        } else {
            ((part + 0.055) / 1.055).powf(2.4)
        }
    });
    0.2126 * r + 0.7152 * g + 0.0722 * b
}

/// WCAG 2.1, contrast ratio.
fn contrast(one: [f64; 3], other: [f64; 3]) -> f64 {
    let (one, other) = (luminance(one), luminance(other));
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

#[test]
fn the_ratio_is_the_one_of_wcag() {
    assert!((contrast([0.0; 3], [1.0; 3]) - 21.0).abs() < 0.01);
    let grey = f64::from(0x77_u8) / 255.0;
    assert!((contrast([grey; 3], [1.0; 3]) - 4.48).abs() < 0.01);
}

#[test]
fn texts_and_marks_stand_out_in_both_modes() {
    let texts = [
        (
            "ink",
            "paper ground tint info-tint warning-tint error-tint success-tint",
        ),
        ("soft", "paper ground tint"),
        ("accent", "paper ground"),
        ("accent-strong", "paper ground tint"),
        ("accent-ink", "accent accent-strong"),
        ("info", "info-tint"),
        ("warning", "warning-tint"),
        ("error", "error-tint paper"),
        ("success", "success-tint"),
    ];
    let marks = [
        ("focus", "paper ground accent-ink"),
        ("soft", "paper"),
        ("accent", "paper"),
    ];
    for dark in [false, true] {
        let colours = colours(dark);
        for (pairs, least) in [(&texts[..], 4.5), (&marks[..], 3.0)] {
            for (name, grounds) in pairs {
                for ground in grounds.split(' ') {
                    let ratio = contrast(colours[name], colours[ground]);
                    assert!(
                        ratio >= least,
                        "{name} on {ground}, dark: {dark}: {ratio:.2}"
                    );
                }
            }
        }
    }
}

#[test]
fn the_theme_is_under_20_kb_and_asks_nobody_else() {
    assert!(THEME.len() < 20_000, "{} bytes", THEME.len());
    for outside in ["http:", "https:", "@import", "url("] {
        assert!(!THEME.contains(outside), "{outside}");
    }
}

#[test]
fn motion_is_for_those_who_want_it() {
    assert!(THEME.contains("prefers-reduced-motion: reduce"));
    assert!(THEME.contains("@media print"));
    assert!(THEME.contains(":focus-visible { outline: 3px solid"));
}
