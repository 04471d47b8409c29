#include "complaint.hpp"

#include "settings/settings.hpp"

#include <array>
#include <cstdio>
#include <ctime>

namespace epmd {

void complain(const std::string& sentence) {
    std::fprintf(stderr, "epmd: %s\n", sentence.c_str());
}

void complain_of_usage(const std::string& sentence) {
    std::fprintf(stderr, "%s\n", help_text().c_str());
    complain(sentence);
}

void complain_as_stock(const std::string& complaint) {
    const std::time_t now = std::time(nullptr);
    std::tm parts{};
    ::localtime_r(&now, &parts);
    std::array<char, 64> text{};
    std::strftime(text.data(), text.size(), "%a %b %e %H:%M:%S %Y", &parts); // ctime(3); the locale is "C"
    std::fprintf(stderr, "epmd: %s: %s\r\n", text.data(), complaint.c_str());
}

} // namespace epmd
