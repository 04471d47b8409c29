#include "client_verbs.hpp"

#include "client/client.hpp"
#include "wire/decode.hpp"
#include "wire/quoted.hpp"

#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>

#include <unistd.h>

namespace epmd {
namespace {

/// The longest name that `-stop` sends (transcript of stock).
constexpr std::size_t max_stop_name_bytes = 1000;

std::optional<std::string> ask(std::uint16_t port, const wire::request& what) {
    patience waiting;
    if (::isatty(STDERR_FILENO) != 0) { // a script gets what stock says
        waiting.on_slow = [port, longest = std::chrono::duration_cast<std::chrono::seconds>(waiting.longest)] {
            std::fprintf(stderr, "epmd: waiting for the answer of the epmd on port %u, %lld s at most\n", port,
                         static_cast<long long>(longest.count()));
        };
    }
    return ask_epmd(port, what, waiting);
}

int complain_of_no_epmd() {
    std::fputs("epmd: Cannot connect to local epmd\n", stderr);
    return EXIT_FAILURE;
}

int complain_of_answer(const std::string& answer) {
    std::printf("epmd: local epmd responded with <%s>\n", answer.c_str());
    return EXIT_FAILURE;
}

/// What peers chose, fit for a terminal.
std::string escaped_lines(std::string_view text) {
    std::string result;
    for (auto end = text.find('\n'); end != std::string_view::npos; end = text.find('\n')) {
        result += wire::escaped(text.substr(0, end)) + '\n';
        text.remove_prefix(end + 1);
    }
    return result + wire::escaped(text);
}

int print_listing(std::uint16_t port, const wire::request& what) {
    const auto answer = ask(port, what);
    if (!answer) {
        return complain_of_no_epmd();
    }
    const auto listing = wire::decode_listing(*answer);
    if (!listing) {
        std::puts("epmd: no response from local epmd");
        return EXIT_FAILURE;
    }
    std::string text(listing->text);
    std::erase(text, '\0'); // compat: stock's daemon ends each row of a dump with one
    std::printf("epmd: up and running on port %u with data:\n", listing->epmd_port);
    if (::isatty(STDOUT_FILENO) != 0) { // a pipe gets what stock's would
        text = escaped_lines(text);
    }
    std::fwrite(text.data(), 1, text.size(), stdout);
    return EXIT_SUCCESS;
}

} // namespace

int print_names(std::uint16_t port) {
    return print_listing(port, wire::names_req{.with_hosts = true});
}

int print_dump(std::uint16_t port) {
    return print_listing(port, wire::dump_req{});
}

int kill_epmd(std::uint16_t port) {
    const auto answer = ask(port, wire::kill_req{});
    if (!answer) {
        return complain_of_no_epmd();
    }
    if (*answer == "OK") {
        std::puts("Killed");
        return EXIT_SUCCESS;
    }
    if (*answer == "NO") {
        std::puts("Killing not allowed - living nodes in database.");
        return EXIT_FAILURE;
    }
    return complain_of_answer(*answer);
}

int stop_node(std::uint16_t port, std::string_view alive_name) {
    if (alive_name.size() > max_stop_name_bytes) {
        std::printf("epmd: Name too long!");
        return EXIT_FAILURE;
    }
    const auto answer = ask(port, wire::stop_req{alive_name});
    if (!answer) {
        return complain_of_no_epmd();
    }
    for (const std::string_view expected : {"STOPPED", "NOEXIST"}) {
        // compat: stock's daemon answers STOPPED after its NOEXIST.
        if (answer->starts_with(expected)) {
            std::printf("%.*s\n", static_cast<int>(expected.size()), expected.data());
            return EXIT_SUCCESS;
        }
    }
    return complain_of_answer(*answer);
}

bool is_epmd_running(std::uint16_t port, std::chrono::milliseconds longest) {
    const auto answer = ask_epmd(port, wire::names_req{}, {.longest = longest});
    return answer && wire::decode_listing(*answer);
}

} // namespace epmd
