#include "client_verbs.hpp"

#include "client/client.hpp"
#include "wire/decode.hpp"

#include <cstdio>
#include <cstdlib>

namespace epmd {
namespace {

int complain_of_no_epmd() {
    std::fputs("epmd: Cannot connect to local epmd\n", stderr);
    return EXIT_FAILURE;
}

int complain_of_answer(const std::string& answer) {
    std::printf("epmd: local epmd responded with <%s>\n", answer.c_str());
    return EXIT_FAILURE;
}

} // namespace

int print_names(std::uint16_t port) {
    const auto answer = ask_epmd(port, wire::names_req{});
    if (!answer) {
        return complain_of_no_epmd();
    }
    const auto listing = wire::decode_listing(*answer);
    if (!listing) {
        return complain_of_answer(*answer);
    }
    std::printf("epmd: up and running on port %u with data:\n", listing->epmd_port);
    std::fwrite(listing->text.data(), 1, listing->text.size(), stdout);
    return EXIT_SUCCESS;
}

int kill_epmd(std::uint16_t port) {
    const auto answer = ask_epmd(port, wire::kill_req{});
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

} // namespace epmd
