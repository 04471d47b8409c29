#include "doctor/report.hpp"

#include "environment.hpp"
#include "output.hpp"

#include <algorithm>
#include <array>
#include <sstream>

namespace epmd::ctl::doctor {
namespace {

namespace json = boost::json;

/// Whether the locale has UTF-8, by the variables that name it (locale(7)).
bool has_utf8() {
    for (const auto* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
        if (auto value = variable(name); value && !value->empty()) {
            std::transform(value->begin(), value->end(), value->begin(), [](char letter) {
                return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter + 32) : letter;
            });
            return value->find("utf-8") != std::string::npos || value->find("utf8") != std::string::npos;
        }
    }
    return false;
}

std::string sign_of(mark how) {
    static const bool is_utf8 = has_utf8();
    switch (how) {
    case mark::good:
        return styled(is_utf8 ? "✓" : "ok", style::good);
    case mark::bad:
        return styled(is_utf8 ? "✗" : "NO", style::bad);
    case mark::unknown:
        return styled(is_utf8 ? "?" : "??", style::warning);
    case mark::note:
        break;
    }
    return styled(is_utf8 ? "·" : "--", style::dim);
}

std::string called(const std::string& name) {
    return name.empty() ? "a node here" : shown(name);
}

/// Words in lines of a width that is read easily.
std::string wrapped(const std::string& text) {
    constexpr std::size_t width = 80;
    std::string result;
    std::size_t column = 0;
    std::istringstream words(text);
    for (std::string word; words >> word; column += word.size()) {
        if (column > 0 && column + 1 + word.size() > width) {
            result += '\n';
            column = 0;
        } else if (column > 0) {
            result += ' ';
            ++column;
        }
        result += word;
    }
    return result + "\n";
}

/// Mends one below the other; what is typed stands alone on its line, to be copied.
std::string mends_of(const diagnosis& what) {
    std::string text;
    for (const auto& one : what.mends) {
        text += "  " + escaped(one.where) +
                (one.what.empty() ? "\n" : ":\n      " + styled(escaped(one.what), style::bold) + "\n");
    }
    return text;
}

std::string cause_of(const diagnosis& what) {
    auto text = wrapped(escaped(what.sentence) + (what.is_guess ? " (Most likely.)" : ""));
    if (!what.why.empty()) {
        text += wrapped(escaped(what.why));
    }
    return text + (what.mends.empty() ? "" : "\n" + mends_of(what));
}

json::value json_of(const std::optional<diagnosis>& what) {
    if (!what) {
        return nullptr;
    }
    json::array mends;
    for (const auto& one : what->mends) {
        mends.push_back({{"where", escaped(one.where)}, {"type", escaped(one.what)}});
    }
    return {{"cause", to_string(what->what)},
            {"is_guess", what->is_guess},
            {"what", escaped(what->sentence)},
            {"why", escaped(what->why)},
            {"mends", std::move(mends)}};
}

json::value json_of(const direction& one) {
    json::array steps;
    for (const auto& each : one.findings) {
        steps.push_back(
            {{"step", to_string(each.where)}, {"result", to_string(each.how)}, {"seen", escaped(each.seen)}});
    }
    return {{"from", one.from.empty() ? json::value(nullptr) : json::value(escaped(one.from))},
            {"to", escaped(one.to)},
            {"is_open", one.is_open},
            {"steps", std::move(steps)},
            {"wrong", json_of(one.wrong)}};
}

std::string_view word_of(outcome result) {
    switch (result) {
    case outcome::connects:
        return "connects";
    case outcome::does_not:
        return "does_not_connect";
    case outcome::not_known:
        break;
    }
    return "not_known";
}

} // namespace

std::string heading_of(const direction& one) {
    const auto text = one.to.empty() ? std::string("Both") : called(one.from) + " -> " + called(one.to);
    return styled(text, style::bold) + "\n";
}

std::string line_of(const finding& one) {
    return "  " + sign_of(one.how) + " " + escaped(one.seen) + "\n";
}

std::string verdict_of(const examination& all) {
    const auto from = called(all.who.from);
    const auto to = called(all.who.to);
    const bool is_back_well = all.back && !all.back->wrong && !all.back->is_open;
    switch (all.result) {
    case outcome::does_not: {
        auto text = "\n" + cause_of(*all.wrong);
        if (all.there.wrong && is_back_well && !all.common.wrong && !all.common.is_open) {
            text += "\nIn the other direction nothing is wrong: connected from there, both can talk.\n"
                    "  in " +
                    to + " (Erlang):  net_kernel:connect_node('" + from + "').\n";
        }
        return text;
    }
    case outcome::not_known:
        if (all.wrong) {
            return "\n" + cause_of(*all.wrong) +
                   "\nOr all is well already, which is not to be seen from outside: try it.\n";
        }
        return "\nNothing wrong was found, and not all could be examined: see the lines with a question mark.\n";
    case outcome::connects:
        break;
    }
    if (all.is_connected) {
        return "\n" + from + " and " + to + " are connected.\n";
    }
    auto text = "\n" + from + " reaches " + to + ": nothing is wrong, as far as it is seen from outside.\n";
    if (all.back && all.back->wrong) {
        text += "\nNot in the other direction; what was begun from " + from + " serves both, until it ends.\n" +
                cause_of(*all.back->wrong);
    }
    return text;
}

json::value json_of(const examination& all) {
    json::array directions{json_of(all.there)};
    if (all.back) {
        directions.push_back(json_of(*all.back));
    }
    return {{"from", all.who.from.empty() ? json::value(nullptr) : json::value(escaped(all.who.from))},
            {"to", escaped(all.who.to)},
            {"outcome", word_of(all.result)},
            {"is_connected", all.is_connected},
            {"wrong", json_of(all.wrong)},
            {"directions", std::move(directions)},
            {"common", json_of(all.common).at("steps")}};
}

} // namespace epmd::ctl::doctor
