#include "shell.hpp"

namespace epmd::ctl {

std::string shell_quoted(std::string_view word) {
    std::string result = "'";
    for (const char letter : word) {
        result += letter == '\'' ? std::string("'\\''") : std::string(1, letter);
    }
    return result + "'";
}

} // namespace epmd::ctl
