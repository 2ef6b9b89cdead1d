<?php
/*
 * A small application on SimpleSAMLphp: what an application of that make does, and nothing more.
 *
 *     SIMPLESAMLPHP_CONFIG_DIR=config BASE=http://127.0.0.1:8000 php -S 127.0.0.1:8000 -t www simplesamlphp.php
 *
 * `www/simplesaml` leads to SimpleSAMLphp's own pages; its sources are what `eduline sp snippet simplesamlphp` writes.
 * `GET /` says who is signed on, as JSON, or 401. `GET /login?wish=plain|forced|passive` begins a sign-on, `GET /logout`
 * ends one everywhere. What SimpleSAMLphp refuses is answered with 403 and its words.
 */

$path = parse_url($_SERVER['REQUEST_URI'], PHP_URL_PATH);
if (strncmp($path, '/simplesaml/', 12) === 0) {
    return false;
}
require '/usr/share/simplesamlphp/lib/_autoload.php';

$base = getenv('BASE');
$person = new \SimpleSAML\Auth\Simple('eduline');
switch ($path) {
    case '/':
        if (!$person->isAuthenticated()) {
            http_response_code(401);
            echo 'nobody';
            break;
        }
        $name = $person->getAuthData('saml:sp:NameID');
        echo json_encode(['name_id' => $name->getValue(), 'attributes' => $person->getAttributes()]);
        break;
    case '/login':
        $wish = $_GET['wish'] ?? 'plain';
        $person->login([
            'ReturnTo' => "$base/",
            'ErrorURL' => "$base/refused",
            'ForceAuthn' => $wish === 'forced',
            'isPassive' => $wish === 'passive',
        ]);
        break;
    case '/logout':
        $person->logout("$base/");
        break;
    case '/refused':
        $state = \SimpleSAML\Auth\State::loadExceptionState();
        $why = $state[\SimpleSAML\Auth\State::EXCEPTION_DATA];
        error_log((string) $why);
        http_response_code(403);
        echo get_class($why), ': ', htmlspecialchars($why->getMessage());
        break;
    default:
        http_response_code(404);
}
