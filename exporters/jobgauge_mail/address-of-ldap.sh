#!/bin/sh
# Prints the mail address of the login $1, or nothing where the directory has none: for addresses.command of jobgauge-mail.
# Needs ldapsearch; which directory, where in it and whose certificate are URI, BASE and TLS_CACERT of its ldap.conf.
# jobgauge-mail asks for plain names only, so that $1 is no more than a name in the filter.
entries=$(ldapsearch -x -LLL -o ldif-wrap=no -o nettimeout=5 "(uid=$1)" mail) || exit
printf '%s\n' "$entries" | sed -n 's/^mail: //p' | head -n 1
