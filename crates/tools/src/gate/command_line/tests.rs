//! Lines and what is in them.

use super::*;

fn texts(line: &str) -> Vec<String> {
    CommandLine::parse(line).parts.iter().map(Simple::text).collect()
}

#[test]
fn compound_lines_come_apart() {
    assert_eq!(texts("a b && c; d | e & f || g\nh"), ["a b", "c", "d", "e", "f", "g", "h"]);
    assert_eq!(texts("(cd x; make) > log"), ["cd x", "make", ""]);
    assert_eq!(texts("{ a; b; }"), ["a", "b"]);
    assert_eq!(texts("if a; then b; else c; fi"), ["a", "b", "c"]);
    assert_eq!(texts("a # b; c"), ["a"]);
    assert_eq!(texts("a\\\n b"), ["a b"]);
}

#[test]
fn quotes_hide_operators() {
    assert_eq!(texts(r#"git commit -m "a; b && c""#), ["git commit -m a; b && c"]);
    assert_eq!(texts("echo 'a | b' c\\;d"), ["echo a | b c;d"]);
    assert_eq!(texts(r#"g""it 'sta'tus"#), ["git status"]);
    assert!(CommandLine::parse(r#"echo "a; b" 'c'"#).is_plain());
}

#[test]
fn redirections_are_no_words() {
    let line = CommandLine::parse("make 2>&1 >out.txt <in.txt 2>>err &>all");
    assert_eq!(line.parts[0].words, ["make"]);
    assert_eq!(line.parts[0].writes, ["out.txt", "err", "all"]);
    assert_eq!(line.parts[0].reads, ["in.txt"]);
    assert_eq!(CommandLine::parse("a2>b").parts[0].words, ["a2"]);
    assert_eq!(CommandLine::parse("a >&file").parts[0].writes, ["file"]);
}

#[test]
fn what_is_not_known_is_a_hole() {
    for (line, words) in
        [("echo $X", "echo \u{10ffff}"), ("echo \"a${X}b\"", "echo a\u{10ffff}b"), ("git {push,x}", "git \u{10ffff}")]
    {
        let parsed = CommandLine::parse(line);
        assert_eq!(parsed.parts[0].text(), words, "{line}");
        assert!(!parsed.is_plain(), "{line}");
    }
    assert!(CommandLine::parse("echo '$X' \\$X").is_plain());
}

#[test]
fn commands_in_commands_are_found() {
    for line in [
        "echo $(rm x)",
        "echo `rm x`",
        "echo \"$(rm x)\"",
        "diff <(rm x) y",
        "eval 'rm x'",
        "bash -c 'rm x'",
        "sudo -u me sh -ec 'rm x'",
        "env A=1 bash -c \"rm x\"",
        "bash <<EOF\nrm x\nEOF\n",
        "bash <<< 'rm x'",
        "echo ${A:-$(rm x)}",
        "cat <<EOF\n$(rm x)\nEOF\n",
        "echo $(echo $(rm x))",
        "cat <<$X\n$X\nrm x",
        "bash -s a <<EOF\nrm x\nEOF",
    ] {
        let parsed = CommandLine::parse(line);
        assert!(parsed.opaque.is_some(), "{line}");
        assert!(parsed.parts.iter().any(|part| part.text().contains("rm x")), "{line}: {parsed:?}");
    }
    for line in ["curl x | sh", "x | sudo bash", ". ./env", "$X", "bash < script"] {
        let parsed = CommandLine::parse(line);
        assert!(parsed.parts.iter().any(|part| part.text().contains(HOLE)), "{line}: {parsed:?}");
    }
}

#[test]
fn texts_for_a_program_are_not_commands() {
    let line = CommandLine::parse("cat > a.py <<'EOF'\nimport os; $(x)\nEOF\npython a.py");
    assert!(line.is_plain(), "{line:?}");
    assert_eq!(line.parts.iter().map(Simple::text).collect::<Vec<_>>(), ["cat", "python a.py"]);
    assert_eq!(line.parts[0].writes, ["a.py"]);
}

#[test]
fn what_is_not_closed_is_opaque() {
    for line in ["echo 'a", "echo \"a", "echo $(a", "echo `a", "a >", "f() { b; }; f", "cat <<EOF\na"] {
        assert!(CommandLine::parse(line).opaque.is_some(), "{line}");
    }
}

#[test]
fn variants_look_behind_wrappers() {
    let has =
        |line: &str, variant: &str| CommandLine::parse(line).parts[0].variants().iter().any(|text| text == variant);
    for line in [
        "git push -f",
        "/usr/bin/git push -f",
        "A=1 B=2 git push -f",
        "sudo -u me git push -f",
        "timeout 5 nice git push -f",
        "find . -name x -exec git push -f",
        "git -C dir -c a=b --no-pager push -f",
        "xargs git push -f",
    ] {
        assert!(has(line, "git push -f"), "{line}");
    }
    assert!(!has("echo git push -f", "git push -f"));
}
