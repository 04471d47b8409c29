/// The status page as files, which lie beside this one in page/ and are compiled in.
#pragma once

#include <string_view>

namespace epmd::page_files {

extern const std::string_view index;  ///< page/index.html
extern const std::string_view style;  ///< page/style.css
extern const std::string_view script; ///< page/script.js
extern const std::string_view icon;   ///< page/icon.svg

} // namespace epmd::page_files
