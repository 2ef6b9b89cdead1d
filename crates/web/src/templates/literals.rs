//! What templates name outright: `t("wayf.title")`, `asset("theme.css")`.

/// One call with a literal first argument.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Call<'a> {
    /// The line, from 1.
    pub(crate) line: usize,
    /// The literal.
    pub(crate) text: &'a str,
    /// Whether it is the argument, or (`"profile-" ~ id`) only the beginning of it.
    pub(crate) whole: bool,
}

/// The calls of `function` in a template. No template writes a quote inside a name.
pub(crate) fn calls<'a>(template: &'a str, function: &str) -> Vec<Call<'a>> {
    let opening = format!("{function}(\"");
    let mut calls = Vec::new();
    for (number, line) in template.lines().enumerate() {
        for (at, _) in line.match_indices(&opening) {
            let (before, rest) = line.split_at(at);
            let another = before.ends_with(|last: char| last.is_alphanumeric() || last == '_');
            let rest = rest.get(opening.len()..).unwrap_or_default();
            let Some((text, after)) = rest.split_once('"').filter(|_| !another) else {
                continue;
            };
            calls.push(Call {
                line: number + 1,
                text,
                whole: !after.trim_start().starts_with('~'),
            });
        }
    }
    calls
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_found_with_their_lines() {
        let template = "{{ t(\"a.b\") }}\n<i>{{ t(\"a.c-\" ~ x) }} {{ asset(\"t.css\") }}{{ t(\"d\", n=t(\"e\")) }}";
        let call = |line, text, whole| Call { line, text, whole };
        let expected = [
            call(1, "a.b", true),
            call(2, "a.c-", false),
            call(2, "d", true),
            call(2, "e", true),
        ];
        assert_eq!(calls(template, "t"), expected);
        assert_eq!(calls(template, "asset"), [call(2, "t.css", true)]);
        assert!(calls("{{ t(page.title) }} {{ t(\"", "t").is_empty());
    }
}
