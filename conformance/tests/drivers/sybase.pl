# Sends a statement through DBD::Sybase, as sqlcmd would: -Q STATEMENT.
use strict;
use warnings;
use DBI;

my ($statement, $failed);
while (defined(my $word = shift @ARGV)) { $statement = shift @ARGV if $word eq '-Q'; }
my ($host, $port) = split /:/, $ENV{VDI_TDS};
my $handle = DBI->connect("dbi:Sybase:server=$host:$port;tdsLevel=CS_TDS_74", 'sa', 'x',
    { PrintError => 0, RaiseError => 0 }) or die "$DBI::errstr\n";
$handle->{syb_err_handler} = sub {
    my ($number, $severity, undef, undef, undef, undef, $text) = @_;
    print "$number: $text\n";
    $failed = 1 if $severity > 10;
    return 0;
};
$handle->do($statement);
exit($failed ? 1 : 0);
