<?php
// Sends a statement through pdo_dblib, as sqlcmd would: -Q STATEMENT.
$statement = $argv[array_search('-Q', $argv) + 1];
[$host, $port] = explode(':', getenv('VDI_TDS'));
try {
    $connection = new PDO("dblib:host=$host:$port;version=7.4", 'sa', 'x');
    $connection->setAttribute(PDO::ATTR_ERRMODE, PDO::ERRMODE_EXCEPTION);
    // exec() tells a good BACKUP as false: only what it throws is a failure.
    $connection->exec($statement);
} catch (PDOException $error) {
    echo $error->getMessage(), "\n";
    exit(1);
}
