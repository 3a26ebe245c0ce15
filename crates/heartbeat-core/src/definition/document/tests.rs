use super::*;

fn yaml(text: &str) -> Result<Document, String> {
    parse(text.as_bytes(), Format::Yaml).map_err(|e| e.to_string())
}

#[test]
fn scratch() {
    let d = yaml("version: 1\nmonitors:\n- slug: a\n  interval: 1d\n  grace: 300\n  name: 2024\n  tags: [x, 7]\n- slug: b\n  cron: '@daily'\n  defined: false\n  channels: [ops]\n").unwrap();
    println!("{}", d.write(Format::Yaml).unwrap());
    println!("{}", d.write(Format::Json).unwrap());
    for bad in [
        "version: 1\nmonitors:\n- slug: a\n  intervall: 1d\n",
        "version: 1\nmonitors:\n- slug: a\n  interval: 1d\n  interval: 1d\n",
        "version: 1\nmonitors:\n- slug: a\n  interval: [1d]\n",
        "version: 1\nmonitors:\n- slug: a\n  slug: b\n",
        "version: 1\nmonitors:\n- interval: 1d\n",
        "version: 1\nmonitors: a\n",
        "version: 1\nmonitors: [ {\n",
        "version: 2\nmonitors: []\n",
        "monitors: []\n",
        "",
        "version: 1\nmonitors: []\n---\nversion: 1\nmonitors: []\n",
    ] {
        println!("--- {bad:?}\n{:?}", yaml(bad));
    }
    println!("{:?}", yaml("d: &d {grace: 5m}\nversion: 1\nmonitors:\n- {slug: a, <<: *d}\n"));
    println!(
        "{:?}",
        yaml(
            "version: 1\nmonitors:\n- &d {slug: a, grace: 5m, tags: [x]}\n- {<<: *d, slug: b}\n- {slug: c, <<: *d, grace: 7m}\n"
        )
    );
    let big = "x".repeat(1_000_000);
    let t = std::time::Instant::now();
    let r = yaml(&format!(
        "version: 1\nmonitors:\n- slug: a\n  name: &b {big}\n  tags: [{}]\n",
        vec!["*b"; 30_000].join(",")
    ));
    println!("{:?} {:?}", r.map(|_| ()).map_err(|e| e.chars().take(200).collect::<String>()), t.elapsed());
    let deep = format!("version: 1\nmonitors: {}", "[".repeat(1_000_000));
    let t = std::time::Instant::now();
    println!("{:?} {:?}", yaml(&deep), t.elapsed());
    let t = std::time::Instant::now();
    let deep: String = "version: 1\nmonitors:\n".to_owned() + &"- ".repeat(1_000_000);
    println!("{:?} {:?}", yaml(&deep), t.elapsed());
    println!("{:?}", std::fs::read_to_string("/proc/self/status").unwrap().lines().find(|l| l.starts_with("VmHWM")));
}
