/// All that is counted, in Prometheus's text format 0.0.4. docs/metrics.md has the names; what stands there stays.
///
/// https://prometheus.io/docs/instrumenting/exposition_formats/
#pragma once

#include "status/pages.hpp"

namespace epmd {

inline constexpr std::string_view metrics_type = "text/plain; version=0.0.4; charset=utf-8";

/// One scrape. Refers to `what`.
slices metrics_of(subject& what);

} // namespace epmd
