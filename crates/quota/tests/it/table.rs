//! The reference's table of limits.

use std::num::{NonZeroU32, NonZeroU64};
use std::path::Path;

use massgen_quota::{Limits, LimitsError, LimitsTable};

#[test]
fn the_table_of_the_reference_is_read() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../../shared/corpus/configs-0.1.23/rate_limits/rate_limits.yaml");
    if !path.exists() {
        println!("skipped: {} is not here", path.display());
        return;
    }
    let table = LimitsTable::read(&path).unwrap_or_else(|error| panic!("{error}"));
    let limits = |rpm, tpm, rpd| Limits {
        requests_per_minute: NonZeroU32::new(rpm),
        tokens_per_minute: NonZeroU64::new(tpm),
        requests_per_day: NonZeroU32::new(rpd),
    };
    let of = |model| table.limits("gemini", model);
    assert_eq!(of("gemini-2.5-flash"), limits(9, 240_000, 245));
    assert_eq!(of("gemini-2.5-pro"), limits(2, 120_000, 48));
    assert_eq!(of("gemini-2.5-pro-preview-06-05"), limits(2, 120_000, 48));
    assert_eq!(of("gemini-3-pro"), limits(7, 100_000, 100), "the default");
    assert_eq!(table.limits("openai", "gpt-5"), Limits::NONE, "what is commented out is not limited");
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let error = LimitsTable::read(Path::new("/nowhere/limits.yaml")).unwrap_err();
    assert!(matches!(error, LimitsError::Unreadable { .. }));
    assert!(error.to_string().contains("/nowhere/limits.yaml"), "{error}");
}
