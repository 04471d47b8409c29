#include "status/news.hpp"

#include "status/report.hpp"

#include <boost/json/serialize.hpp>

#include <algorithm>
#include <utility>

namespace epmd {

namespace json = boost::json;

void news::add(event what, time_point now) {
    keep({.what = std::move(what), .at = now, .text = {}});
}

void news::add(std::string_view what, std::optional<std::string> trouble, time_point now) {
    keep({.what = change{.name = what, .trouble = std::move(trouble)}, .at = now, .text = {}});
}

void news::keep(item one) {
    all_.push_back(std::move(one));
    if (all_.size() > most_unread) {
        forget_before(first_ + 1);
    }
}

void news::forget_before(number which) {
    for (const auto last = std::min(which, first_kept()); first_ < last; ++first_) {
        all_.pop_front();
    }
}

json::object news::report_of(number which, const hosts& known, lexicon& words) const {
    const auto& one = at(which);
    json::object result;
    result["number"] = which;
    result["at"] = words.clock.text(one.at);
    if (const auto* of_node = std::get_if<event>(&one.what)) {
        result["event"] = to_string(of_node->what);
        put_event(result, *of_node, known, words);
    } else {
        const auto& of_daemon = std::get<change>(one.what);
        result["event"] = of_daemon.name;
        put_trouble(result, of_daemon.trouble);
    }
    return result;
}

const std::string& news::text_of(number which, const hosts& known, lexicon& words) {
    auto& one = all_[static_cast<std::size_t>(which - first_)];
    if (one.text.empty()) {
        const auto told = report_of(which, known, words);
        const auto& name = told.at("event").as_string();
        one.text = "event: ";
        one.text.append(name.data(), name.size()).append("\ndata: ").append(json::serialize(told)).append("\n\n");
    }
    return one.text;
}

} // namespace epmd
