/* Every name has two addresses: 127.0.0.2, and then 127.0.0.1. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>

static struct addrinfo *address(const char *text, struct addrinfo *next) {
    struct addrinfo *info = calloc(1, sizeof *info);
    struct sockaddr_in *place = calloc(1, sizeof *place);
    place->sin_family = AF_INET;
    inet_pton(AF_INET, text, &place->sin_addr);
    info->ai_family = AF_INET;
    info->ai_socktype = SOCK_STREAM;
    info->ai_protocol = IPPROTO_TCP;
    info->ai_addrlen = sizeof *place;
    info->ai_addr = (struct sockaddr *)place;
    info->ai_next = next;
    return info;
}

int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **found) {
    (void)node, (void)service, (void)hints;
    *found = address("127.0.0.2", address("127.0.0.1", NULL));
    return 0;
}

void freeaddrinfo(struct addrinfo *info) {
    while (info) {
        struct addrinfo *next = info->ai_next;
        free(info->ai_addr);
        free(info);
        info = next;
    }
}
