<?php
// Pages as MyParcel.com's SDK for PHP does (api-sdk-php, MyParcelComApi: getResourcesArray and doRequest): it follows links.next, and puts its own
// base before whatever does not begin with it. It prints the ids of all pages.
//
// Usage: php pages.php BASE
[, $base] = $argv;
$ids = [];
for ($uri = '/shipments?page[size]=2'; $uri !== null; $uri = $document['links']['next'] ?? null) {
    $url = str_starts_with($uri, $base) ? $uri : $base . $uri;
    $context = stream_context_create(['http' => ['ignore_errors' => true, 'header' => 'Accept: application/vnd.api+json', 'timeout' => 60]]);
    $text = file_get_contents($url, false, $context);
    $document = json_decode($text, true);
    if (!isset($document['data'])) {
        fwrite(STDERR, "$url: $http_response_header[0]\n");
        exit(1);
    }
    array_push($ids, ...array_column($document['data'], 'id'));
}
echo implode(' ', $ids), "\n";
