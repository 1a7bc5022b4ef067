<?php
// An API of three pages, for PHP's own web server: JSON as json_encode writes it, links with the name that it was called by.
$token = $_SERVER['HTTP_AUTHORIZATION'] ?? '';
header('Content-Type: application/vnd.api+json');
if (!str_starts_with($token, 'Bearer ')) {
    http_response_code(401);
    echo json_encode(['errors' => [['title' => 'no token']]]);
    return;
}
$page = (int) ($_GET['page']['number'] ?? 1);
$path = parse_url($_SERVER['REQUEST_URI'], PHP_URL_PATH);
$link = fn (int $number) => "http://{$_SERVER['HTTP_HOST']}{$path}?page[number]={$number}&page[size]=2";
$ids = [2 * $page - 1, 2 * $page];
header('ETag: "' . $page . '"');
echo json_encode([
    'data'  => array_map(fn (int $id) => ['type' => 'shipments', 'id' => "$id", 'links' => ['self' => "http://{$_SERVER['HTTP_HOST']}/shipments/$id"]], $ids),
    'meta'  => ['total_pages' => 3, 'docs' => "http://{$_SERVER['HTTP_HOST']}/docs", 'name' => "caf\u{e9}/\u{1f4e6}"],
    'links' => ['self' => $link($page), 'next' => $page < 3 ? $link($page + 1) : null],
]);
